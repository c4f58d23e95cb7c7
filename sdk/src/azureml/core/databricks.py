"""Databricks libraries and clusters, as settings."""

from azureml.core._sections import Section


class MavenLibrary(Section):
    _defaults = {"coordinates": None, "repo": None, "exclusions": list}

    def __init__(self, coordinates=None, repo=None, exclusions=None):
        Section.__init__(self, coordinates=coordinates, repo=repo, exclusions=exclusions or [])


class PyPiLibrary(Section):
    _defaults = {"package": None, "repo": None}

    def __init__(self, package=None, repo=None):
        Section.__init__(self, package=package, repo=repo)


class RCranLibrary(Section):
    _defaults = {"package": None, "repo": None}

    def __init__(self, package=None, repo=None):
        Section.__init__(self, package=package, repo=repo)


class JarLibrary(Section):
    _defaults = {"library": None}

    def __init__(self, library=None):
        Section.__init__(self, library=library)


class EggLibrary(Section):
    _defaults = {"library": None}

    def __init__(self, library=None):
        Section.__init__(self, library=library)


class DatabricksCluster(Section):
    """A cluster that exists, or the description of one to make."""

    _defaults = {
        "existing_cluster_id": None,
        "spark_version": None,
        "node_type": None,
        "instance_pool_id": None,
        "num_workers": None,
        "min_workers": None,
        "max_workers": None,
        "spark_env_variables": None,
        "spark_conf": None,
        "init_scripts": None,
        "cluster_log_dbfs_path": None,
        "permit_cluster_restart": None,
    }

    def __init__(
        self,
        existing_cluster_id=None,
        spark_version=None,
        node_type=None,
        instance_pool_id=None,
        num_workers=None,
        min_workers=None,
        max_workers=None,
        spark_env_variables=None,
        spark_conf=None,
        init_scripts=None,
        cluster_log_dbfs_path=None,
        permit_cluster_restart=None,
    ):
        given = dict(locals())
        Section.__init__(self, **{name: given[name] for name in self._defaults})

    def validate(self):
        """ValueError when the settings contradict each other."""
        if self.existing_cluster_id is not None:
            for name in ("num_workers", "min_workers", "max_workers", "instance_pool_id", "node_type"):
                if getattr(self, name) is not None:
                    raise ValueError("{} cannot be given together with existing_cluster_id.".format(name))
            return
        fixed = self.num_workers is not None
        ranged = self.min_workers is not None and self.max_workers is not None
        if fixed == ranged:
            raise ValueError("Give num_workers, or min_workers and max_workers, for a new cluster.")
        if self.node_type is not None and self.instance_pool_id is not None:
            raise ValueError("Give node_type or instance_pool_id, not both.")
        if self.permit_cluster_restart is not None:
            raise ValueError("permit_cluster_restart needs existing_cluster_id.")


class DatabricksSection(Section):
    _defaults = {
        "maven_libraries": list,
        "pypi_libraries": list,
        "rcran_libraries": list,
        "jar_libraries": list,
        "egg_libraries": list,
        "cluster": DatabricksCluster,
    }

    def __init__(self, _skip_defaults=False):
        Section.__init__(self)


class DatabricksEnvironment(DatabricksSection):
    def __init__(self):
        DatabricksSection.__init__(self)
