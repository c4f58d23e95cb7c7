"""Authentication: who a workspace's calls are made as. Only a person at a terminal is ever asked for anything: by InteractiveLoginAuthentication.

A service principal signs in at the server itself. The classes that stand for a person or a machine (interactive login, Azure CLI, managed
identity) are the owner on an embedded server, and on a shared one whoever `penstock login` signed in.
"""

import azureml._sentinel  # noqa: F401
from azureml._names import reexport

__getattr__, __dir__ = reexport(
    __name__,
    dict(
        dict.fromkeys(
            ("AuthenticationException", "AzureMLException", "RunEnvironmentException", "UserErrorException"),
            "azureml.exceptions",
        ),
        AccessToken="azureml._client.tokens",
    ),
)


class Audience:
    """What a token is for."""

    ARM = "ARM"
    AZUREML = "AZUREML"
    arm = "ARM"
    aml = "AZUREML"


class AbstractAuthentication:
    """Says with which token calls are made. `Workspace(auth=...)` makes every call of that workspace with it."""

    def __init__(self, cloud=None):
        self._cloud = cloud

    def __getstate__(self):
        """Connections and tokens stay behind when this is copied or sent to another process."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_known_clients", "_known_tokens")}

    @property
    def _clients(self):
        """{(address, home): the client whose calls this signs}, the last one used last."""
        return self.__dict__.setdefault("_known_clients", {})

    def _client(self):
        """The server that a token is wanted for: the one that this was last used with, else the one that is configured here."""
        if self._clients:
            return list(self._clients.values())[-1]
        from azureml._client.client import configured

        return configured(self)

    def _access_token(self, client):
        """The AccessToken for this client's server; None when there is none."""
        from azureml._client import tokens

        return tokens.of_environment(client) or self._kept(client, tokens.of_login)

    def _token_to_show(self, client):
        """What calls carry: nothing on an embedded server's socket, where whoever calls is the owner."""
        return self._access_token(client) if client.is_remote else None

    def _kept(self, client, get):
        """`get(client)`, asked again when what it gave grows old."""
        from azureml._client.tokens import is_fresh

        known = self.__dict__.setdefault("_known_tokens", {})
        token = known.get(client.address)
        if not is_fresh(token):
            known[client.address] = token = get(client)
        return token

    def _own_token(self):
        client = self._client()
        found = self._access_token(client)
        if found is None and not client.is_remote:
            client.server()  # the embedded server writes its token when it first starts
            found = self._access_token(client)
        if found is None:
            from azureml.exceptions import AuthenticationException

            raise AuthenticationException(
                "There is no token for the Penstock server at {0}. Sign in: penstock login {0} (or set PENSTOCK_TOKEN).".format(
                    client.address
                )
            )
        return found

    def get_authentication_header(self):
        """{'Authorization': 'Bearer <token>'}."""
        return {"Authorization": "Bearer " + self._own_token().token}

    def get_token(self, *scopes, **kwargs):
        """AccessToken(token, expires_on), the latter in seconds since 1970."""
        return self._own_token()

    def signed_session(self, session=None):
        """A requests session that carries the header."""
        if session is None:
            import requests

            session = requests.Session()
        session.headers.update(self.get_authentication_header())
        return session


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Azure: opens a browser. Here the owner of an embedded server, else who did `penstock login`; a person at a terminal who did not is
    shown a code to sign in with."""

    def __init__(self, force=False, tenant_id=None, cloud=None):
        AbstractAuthentication.__init__(self, cloud)

    def _access_token(self, client):
        from azureml._client import device
        from azureml.exceptions import AuthenticationException

        try:
            found = AbstractAuthentication._access_token(self, client)
        except AuthenticationException:  # what was kept is good no more
            if not device.is_somebody_there():
                raise
            found = None
        if found is None and client.is_remote and device.is_somebody_there():
            found = self._kept(client, device.sign_in)
        return found


class AzureCliAuthentication(AbstractAuthentication):
    """Azure: takes over `az login`. Here it takes over `penstock login`."""


class MsiAuthentication(AbstractAuthentication):
    """Azure: the machine's identity. Here a run's own token inside of a step, else as InteractiveLoginAuthentication."""

    def __init__(self, cloud=None, **kwargs):
        AbstractAuthentication.__init__(self, cloud)


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Signs in at the server with a principal's id (or name) and secret: `penstock principal create`."""

    def __init__(
        self, tenant_id, service_principal_id, service_principal_password, cloud="AzureCloud", _enable_caching=True
    ):
        AbstractAuthentication.__init__(self, cloud)
        for name, value in (("service_principal_id", service_principal_id), ("password", service_principal_password)):
            if not isinstance(value, str) or not value:
                from azureml.exceptions import AuthenticationException

                raise AuthenticationException(
                    "The {} of ServicePrincipalAuthentication is {}. Give text: penstock principal create shows both.".format(
                        name, "empty" if value == "" else "no text"
                    )
                )
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id
        self._service_principal_password = service_principal_password
        self._is_caching = _enable_caching

    def _access_token(self, client):
        return self._kept(client, self._sign_in) if self._is_caching else self._sign_in(client)

    def _sign_in(self, client):
        from azureml._client.tokens import of_principal

        return of_principal(client, self._tenant_id, self._service_principal_id, self._service_principal_password)

    def _token_to_show(self, client):
        return self._access_token(client)


class TokenAuthentication(AbstractAuthentication):
    """A token that the caller's function gives."""

    def __init__(self, get_token_for_audience, cloud=None):
        AbstractAuthentication.__init__(self, cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience=Audience.ARM, *scopes, **kwargs):
        return self._get_token_for_audience(audience)

    def _access_token(self, client):
        return _as_token(self._get_token_for_audience(Audience.ARM), "get_token_for_audience gave")

    _token_to_show = _access_token

    def _own_token(self):
        return self._access_token(None)


class ArmTokenAuthentication(AbstractAuthentication):
    """A token that the caller has."""

    def __init__(self, arm_access_token, cloud="None"):
        AbstractAuthentication.__init__(self, cloud)
        self._arm_access_token = arm_access_token

    def update_arm_access_token(self, new_arm_access_token):
        self._arm_access_token = new_arm_access_token

    def _access_token(self, client):
        return _as_token(self._arm_access_token, "arm_access_token is")

    _token_to_show = _access_token

    def _own_token(self):
        return self._access_token(None)


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

    def _access_token(self, client):
        found = _as_token(self._azureml_access_token, "azureml_access_token is")
        if self._expiry_time is None:
            return found
        expiry = self._expiry_time
        seconds = expiry.timestamp() if hasattr(expiry, "timestamp") else float(expiry)
        return found._replace(expires_on=int(seconds))

    _token_to_show = _access_token

    def _own_token(self):
        return self._access_token(None)


def _as_token(given, what):
    """The AccessToken of what a caller gave: text, or an object with a `token`. When a JWT expires is read in it."""
    from azureml._client.tokens import AccessToken, expiry_of

    text = getattr(given, "token", given)
    if not isinstance(text, str) or not text:
        from azureml.exceptions import AuthenticationException

        raise AuthenticationException("{} {!r}, which is no token. Give the text of one.".format(what, given))
    expires_on = getattr(given, "expires_on", None)
    return AccessToken(text, expiry_of(text) if expires_on is None else int(expires_on))
