"""Authentication: the classes that existing code makes. Nothing prompts; the header carries the home's token."""

import os
from collections import namedtuple

import azureml._sentinel  # noqa: F401
from azureml._names import reexport

AccessToken = namedtuple("AccessToken", ("token", "expires_on"))
_NEVER = 253402300799  # the last second of the year 9999

__getattr__, __dir__ = reexport(
    __name__,
    dict.fromkeys(
        ("AuthenticationException", "AzureMLException", "RunEnvironmentException", "UserErrorException"),
        "azureml.exceptions",
    ),
)


class Audience:
    """What a token is for."""

    ARM = "ARM"
    AZUREML = "AZUREML"
    arm = "ARM"
    aml = "AZUREML"


class AbstractAuthentication:
    """Gives the token of the server that this user talks to."""

    def __init__(self, cloud=None):
        self._cloud = cloud

    def _token(self):
        from azureml._client.client import shared
        from azureml._client.home import home_path, token

        found = token(home_path())
        if found is None and not os.environ.get("PENSTOCK_URL"):
            shared().server()  # the embedded server writes the token when it first starts
            found = token(home_path())
        if found is None:
            from azureml.exceptions import AuthenticationException

            raise AuthenticationException(
                "There is no token for the Penstock server. Set PENSTOCK_TOKEN, or start the server: penstock serve"
            )
        return found

    def get_authentication_header(self):
        """{'Authorization': 'Bearer <token>'}."""
        return {"Authorization": "Bearer " + self._token()}

    def get_token(self, *scopes, **kwargs):
        """AccessToken(token, expires_on)."""
        return AccessToken(self._token(), _NEVER)

    def signed_session(self, session=None):
        """A requests session that carries the header."""
        if session is None:
            import requests

            session = requests.Session()
        session.headers.update(self.get_authentication_header())
        return session


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Azure: opens a browser. Here nothing is asked."""

    def __init__(self, force=False, tenant_id=None, cloud=None):
        AbstractAuthentication.__init__(self, cloud)


class AzureCliAuthentication(AbstractAuthentication):
    """Azure: takes over `az login`. Here nothing is asked."""


class MsiAuthentication(AbstractAuthentication):
    """Azure: the machine's identity. Here nothing is asked."""

    def __init__(self, cloud=None, **kwargs):
        AbstractAuthentication.__init__(self, cloud)


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Azure: signs in with a secret. Here it is recorded only."""

    def __init__(
        self, tenant_id, service_principal_id, service_principal_password, cloud="AzureCloud", _enable_caching=True
    ):
        AbstractAuthentication.__init__(self, cloud)
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id
        self._service_principal_password = service_principal_password


class TokenAuthentication(AbstractAuthentication):
    """A token that the caller's function gives."""

    def __init__(self, get_token_for_audience, cloud=None):
        AbstractAuthentication.__init__(self, cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience=Audience.ARM, *scopes, **kwargs):
        return self._get_token_for_audience(audience)

    def _token(self):
        found = self._get_token_for_audience(Audience.ARM)
        return getattr(found, "token", found)


class ArmTokenAuthentication(AbstractAuthentication):
    """A token that the caller has."""

    def __init__(self, arm_access_token, cloud="None"):
        AbstractAuthentication.__init__(self, cloud)
        self._arm_access_token = arm_access_token

    def update_arm_access_token(self, new_arm_access_token):
        self._arm_access_token = new_arm_access_token

    def _token(self):
        return self._arm_access_token


class AzureMLTokenAuthentication(AbstractAuthentication):
    """The token of one run."""

    def __init__(
        self,
        azureml_access_token,
        expiry_time=None,
        host=None,
        subscription_id=None,
        resource_group_name=None,
        workspace_name=None,
        experiment_name=None,
        run_id=None,
        user_email=None,
        experiment_id=None,
        cloud="AzureCloud",
    ):
        AbstractAuthentication.__init__(self, cloud)
        self.set_token(azureml_access_token, expiry_time)

    @classmethod
    def create(
        cls,
        azureml_access_token,
        expiry_time,
        host,
        subscription_id,
        resource_group_name,
        workspace_name,
        experiment_name,
        run_id,
        user_email=None,
        experiment_id=None,
    ):
        return cls(azureml_access_token, expiry_time)

    def set_token(self, token, expiry_time):
        self._azureml_access_token = token
        self._expiry_time = expiry_time

    @property
    def token(self):
        return self._azureml_access_token

    @property
    def expiry_time(self):
        return self._expiry_time

    def _token(self):
        return self._azureml_access_token
