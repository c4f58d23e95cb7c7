"""Files that libraries open of themselves and that are no input of a step: the system's, fonts, certificates, caches, own settings.

A table alone, as seen on real machines. What is missing here costs a warning and a check before reuse, never a stale result; so nothing
belongs here that people keep data in (/usr/share and /etc are named folder by folder).
"""

from __future__ import annotations

PLACES = (
    *("/proc", "/sys", "/dev", "/run", "/boot", "/var/run", "/var/cache", "/var/lib/dpkg", "/var/lib/ca-certificates"),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64"),
    *("/usr/libexec", "/usr/include", "/usr/local/bin", "/usr/local/lib", "/usr/local/lib64", "/usr/local/include"),
    *("/usr/local/cuda", "/opt/cuda", "/opt/nvidia", "/opt/intel", "/opt/rocm", "/nix/store"),
    *(
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/ld.so.preload",
        "/etc/localtime",
        "/etc/timezone",
    ),
    *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"),
    *(
        "/etc/services",
        "/etc/protocols",
        "/etc/networks",
        "/etc/passwd",
        "/etc/group",
        "/etc/machine-id",
        "/etc/krb5.conf",
    ),
    *("/etc/os-release", "/etc/lsb-release", "/etc/debian_version", "/etc/redhat-release", "/etc/alpine-release"),
    *(
        "/etc/ssl",
        "/etc/pki",
        "/etc/ca-certificates",
        "/etc/ca-certificates.conf",
        "/etc/crypto-policies",
        "/etc/gnutls",
    ),
    *("/etc/mime.types", "/etc/httpd/mime.types", "/etc/apache2/mime.types", "/etc/apache/mime.types", "/etc/magic"),
    *("/etc/httpd/conf/mime.types", "/etc/nginx/mime.types", "/etc/fonts", "/etc/locale.alias", "/etc/locale.conf"),
    *("/etc/inputrc", "/etc/terminfo", "/etc/pip.conf", "/etc/matplotlibrc", "/etc/dask", "/etc/xdg", "/etc/jupyter"),
    *(
        "/etc/OpenCL",
        "/etc/vulkan",
        "/etc/nvidia",
        "/etc/python",
        "/etc/python3",
        "/etc/gitconfig",
        "/etc/ImageMagick-6",
    ),
    *("/etc/odbc.ini", "/etc/odbcinst.ini", "/etc/openmpi", "/etc/ipython", "/etc/joblib", "/etc/alternatives"),
    *("/usr/share/fonts", "/usr/share/fontconfig", "/usr/share/ghostscript", "/usr/share/texmf", "/usr/share/texlive"),
    *("/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/local/share/zoneinfo", "/usr/share/locale"),
    *(
        "/usr/share/locale-langpack",
        "/usr/share/i18n",
        "/usr/share/X11",
        "/usr/X11",
        "/usr/X11R6",
        "/usr/share/mime",
        "/usr/share/misc",
    ),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki", "/usr/share/terminfo"),
    *("/usr/share/tcltk", "/usr/share/icu", "/usr/share/proj", "/usr/share/gdal", "/usr/share/matplotlib"),
    *("/usr/share/graphviz", "/usr/share/javascript", "/usr/share/python3", "/usr/share/glvnd", "/usr/share/drirc.d"),
    *(
        "/usr/share/perl",
        "/usr/share/perl5",
        "/usr/share/zsh",
        "/usr/share/git-core",
        "/usr/share/hwdata",
        "/usr/share/misc",
    ),
    *(
        "/usr/share/iso-codes",
        "/usr/share/java",
        "/usr/share/maven-repo",
        "/usr/local/share/fonts",
        "/usr/local/share/jupyter",
    ),
    *("/usr/share/jupyter", "/usr/share/poppler", "/usr/share/tesseract-ocr", "/usr/share/alsa", "/usr/share/glib-2.0"),
)
"""Absolute paths: the file itself, or all that lies below."""

OF_HOME = (
    *(".cache", ".fonts", ".fonts.conf", ".matplotlib", ".nv", ".triton", ".theano", ".numba_cache", ".pki", ".rnd"),
    *(".config/matplotlib", ".config/fontconfig", ".config/pip", ".config/dask", ".config/git", ".config/jupyter"),
    *(".config/joblib", ".config/wandb", ".config/Ultralytics", ".config/pythran", ".config/sunpy", ".config/gcloud"),
    *(".config/distributed", ".config/polars", ".config/ipython", ".config/numba", ".config/plotly", ".config/Kaggle"),
    *(
        ".local/share/fonts",
        ".local/share/mime",
        ".local/share/jupyter",
        ".local/share/locale",
        ".local/share/virtualenv",
    ),
    *(".local/share/pyppeteer", ".local/share/tslearn", ".local/share/Trash", ".local/state", ".ipython", ".jupyter"),
    *(".keras/keras.json", ".keras/models", ".keras/datasets", ".torch", ".mxnet", ".paddle", ".paddlenlp", ".fastai"),
    *(".astropy", ".dask", ".distributed", ".plotly", ".streamlit", ".EasyOCR", ".u2net", ".insightface", ".deepface"),
    *("nltk_data", "scikit_learn_data", "seaborn-data", "tensorflow_datasets", "gensim-data", "stanza_resources"),
    *(".netrc", ".aws", ".azure", ".kaggle", ".databrickscfg", ".gitconfig", ".mime.types", ".terminfo", ".inputrc"),
    *(".condarc", ".conda", ".pydistutils.cfg", ".pypirc", ".pip", ".pythonrc", ".python_history", ".odbc.ini", ".ssh"),
    *(".julia", ".m2", ".ivy2", ".nvidia", ".cupy", ".jax_cache", ".xonshrc", ".pylintrc", ".huggingface", ".cmdstan"),
)
"""As PLACES, below the home folder of whoever runs the step."""

NAMED_BY = (
    *(
        "XDG_CACHE_HOME",
        "MPLCONFIGDIR",
        "MATPLOTLIBRC",
        "NUMBA_CACHE_DIR",
        "NLTK_DATA",
        "TORCH_HOME",
        "TORCH_EXTENSIONS_DIR",
    ),
    *(
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
        "HF_HOME",
        "HF_DATASETS_CACHE",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
    ),
    *("TRANSFORMERS_CACHE", "SENTENCE_TRANSFORMERS_HOME", "KERAS_HOME", "TFHUB_CACHE_DIR", "TFDS_DATA_DIR"),
    *("SCIKIT_LEARN_DATA", "SEABORN_DATA", "GENSIM_DATA_DIR", "STANZA_RESOURCES_DIR", "JAX_COMPILATION_CACHE_DIR"),
    *("CUPY_CACHE_DIR", "CUDA_CACHE_PATH", "CUDA_HOME", "CUDA_PATH", "DASK_CONFIG", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
    *("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "PYTHONTZPATH", "TZDIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE"),
    *("PYTHONPYCACHEPREFIX", "JAVA_HOME", "SPARK_HOME", "HADOOP_HOME", "NETRC", "AWS_CONFIG_FILE"),
)
"""Variables of the step's environment that hold such paths, several of them divided by colons."""

TEMPORARY = ("/tmp", "/var/tmp")
"""What came into being here while the script ran is nobody's input; what was there before may well be."""
