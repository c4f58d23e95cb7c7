"""Steps that use the packages of the trade stay reusable: what these open of themselves is no input. Those that are installed are run."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_driver import Server, running_server

from penstock.node import reads

PACKAGES = {
    "numpy": "import numpy as n; n.save('a.npy', n.linalg.svd(n.random.rand(9, 9))[1]); n.load('a.npy'); n.fft.fft(n.arange(8))",
    "pandas": "import pandas as p; f = p.DataFrame({'a': [1, 2], 't': p.date_range('2024', periods=2, tz='Europe/Berlin')}); "
    "f.to_csv('a.csv'); f.to_pickle('a.pkl'); print(p.read_csv('a.csv').describe(), p.read_pickle('a.pkl').t.dt.tz_convert('UTC'))",
    "pyarrow": "import pyarrow as a, pyarrow.parquet as q, pyarrow.csv\n"
    "q.write_table(a.table({'x': [1]}), 'a.parquet'); print(q.read_table('a.parquet'))",
    "scipy": "import scipy.optimize, scipy.stats, scipy.sparse, scipy.signal, scipy.io; print(scipy.stats.norm.fit([1, 2, 3]))",
    "sklearn": "from sklearn import datasets, ensemble; x, y = datasets.load_iris(return_X_y=True); "
    "print(ensemble.RandomForestClassifier(5, n_jobs=2).fit(x, y).score(x, y))",
    "joblib": "import joblib; joblib.dump([1], 'a'); print(joblib.load('a'), joblib.Parallel(2)(joblib.delayed(abs)(i) for i in range(4)))",
    "matplotlib": "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as p; p.plot([1, 2]); p.title('ü'); "
    "p.savefig('a.png'); p.savefig('a.pdf'); p.savefig('a.svg')",
    "seaborn": "import matplotlib; matplotlib.use('agg'); import seaborn as s; s.set_theme(); s.histplot([1, 2, 3]).figure.savefig('a.png')",
    "statsmodels": "import statsmodels.api as s; print(s.OLS([1., 2., 4.], s.add_constant([1., 2., 3.])).fit().summary())",
    "networkx": "import networkx as n; g = n.karate_club_graph(); n.write_gml(g, 'a'); print(n.pagerank(n.read_gml('a')))",
    "sympy": "import sympy; x = sympy.Symbol('x'); print(sympy.integrate(sympy.sin(x) ** 2, x))",
    "h5py": "import h5py; f = h5py.File('a.h5', 'w'); f['x'] = [1]; f.close(); print(h5py.File('a.h5')['x'][:])",
    "numba": "import numba\n@numba.njit(cache=True)\ndef f(x):\n    return x + 1\nprint(f(1))",
    "nltk": "import nltk; from nltk.stem import PorterStemmer; print(PorterStemmer().stem('running'), nltk.wordpunct_tokenize('a b.'))",
    "plotly": "import plotly.graph_objects as g; g.Figure(g.Bar(y=[1])).write_html('a.html')",
    "bokeh": "from bokeh.plotting import figure; from bokeh.embed import file_html; print(len(file_html(figure())))",
    "dask": "import dask.array as d, dask.bag; print(d.ones((9, 9), chunks=3).sum().compute(scheduler='threads'))",
    "PIL": "from PIL import Image, ImageDraw, ImageFont; i = Image.new('RGB', (9, 9)); "
    "ImageDraw.Draw(i).text((0, 0), 'a', font=ImageFont.load_default()); i.save('a.jpg'); Image.open('a.jpg').load()",
    "requests": "import requests; s = requests.Session(); print(s.get_adapter('https://x'), requests.Request('GET', 'https://x').prepare().url)\n"
    "try:\n    s.get('https://localhost:1', timeout=1)\nexcept requests.ConnectionError as e:\n    print(e)",
    "lightgbm": "import lightgbm, numpy; print(lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=1).fit(numpy.eye(30), range(30)))",
    "xgboost": "import xgboost, numpy; print(xgboost.XGBRegressor(n_estimators=2).fit(numpy.eye(30), numpy.arange(30)))",
    "sqlalchemy": "import sqlalchemy as s; e = s.create_engine('sqlite:///a.db'); print(e.connect().execute(s.text('select 1')).all())",
    "yaml": "import yaml; yaml.safe_dump({'a': 1}, open('a.yml', 'w')); print(yaml.safe_load(open('a.yml')))",
    "tqdm": "import tqdm.auto; print(list(tqdm.tqdm(range(3))))",
    "openpyxl": "import openpyxl; w = openpyxl.Workbook(); w.active['A1'] = 1; w.save('a.xlsx')\n"
    "print(openpyxl.load_workbook('a.xlsx').active['A1'].value)",
    "imageio": "import imageio.v3 as i, numpy; i.imwrite('a.png', numpy.zeros((4, 4, 3), 'uint8')); print(i.imread('a.png').shape)",
    "skimage": "from skimage import data, filters; print(filters.sobel(data.camera()).mean())",
    "bs4": "import bs4; print(bs4.BeautifulSoup('<p>a', 'html.parser').p)",
    "lxml": "import lxml.html; print(lxml.html.fromstring('<p>a').text)",
    "xarray": "import xarray; print(xarray.DataArray([1, 2], dims='x').mean())",
    "polars": "import polars as p; p.DataFrame({'a': [1]}).write_csv('a.csv'); print(p.read_csv('a.csv'))",
    "duckdb": "import duckdb; print(duckdb.sql('select 1').fetchall())",
    "psutil": "import psutil; print(psutil.virtual_memory().total, psutil.cpu_count(), psutil.Process().memory_info(), psutil.disk_partitions())",
    "pytz": "import pytz; print(pytz.timezone('Europe/Berlin'), len(pytz.all_timezones))",
    "tensorflow": "import tensorflow as t; print(t.reduce_sum(t.ones(3)))",
    "torch": "import torch; torch.save(torch.ones(3), 'a.pt'); print(torch.load('a.pt'))",
    "transformers": "import transformers; print(transformers.__version__)",
    "standard library": "import ssl, mimetypes, zoneinfo, locale, tempfile, gettext, urllib.request, socket, getpass, curses, netrc, platform, uuid, "
    "random, webbrowser, webbrowser, sqlite3, multiprocessing as m\n"
    "ssl.create_default_context(); mimetypes.guess_type('a.csv'); zoneinfo.ZoneInfo('Asia/Tokyo'); platform.platform(); platform.libc_ver()\n"
    "platform.freedesktop_os_release(); socket.getaddrinfo('localhost', 1); getpass.getuser(); gettext.translation('x', fallback=True)\n"
    "print(random.random(), uuid.uuid1(), m.get_context('fork').Pool(1).map(abs, [1]))",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("packages")) as one:
        yield one


OF_THE_TESTS = frozenset(
    (
        "numpy",
        "pandas",
        "pyarrow",
        "scipy",
        "sklearn",
        "joblib",
        "matplotlib",
        "PIL",
        "requests",
        "sqlalchemy",
        "yaml",
        "psutil",
    )
)  # what the tests are installed with; the others are tried wherever they are
PRESENT = [name for name in PACKAGES if not name.isidentifier() or importlib.util.find_spec(name) is not None]


def test_the_packages_that_tests_are_installed_with_are_tried() -> None:
    assert set(PRESENT) >= OF_THE_TESTS


@pytest.mark.parametrize("package", PRESENT)
def test_a_step_that_uses_a_package_reads_nothing_but_its_inputs(server: Server, tmp_path: Path, package: str) -> None:
    env = {"HOME": str(tmp_path), "XDG_CACHE_HOME": ""}
    for number in range(2):  # with its caches to be made, and with them there
        _, end = server.run(PACKAGES[package], name=f"{package.replace(' ', '-')}.{number}", env=env)
        assert end["exit_code"] == 0, end["stderr_tail"]
        assert (end["reads"], end["reads_unknown"]) == ([], None)


# Paths as the packages that are not installed here open them, on real machines; and what people keep their data in.
OF_LIBRARIES = (
    "/usr/share/zoneinfo/Europe/Berlin", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/proc/cpuinfo", "/sys/devices/system/cpu/online", "/sys/fs/cgroup/cpu.max", "/dev/nvidiactl", "/etc/ld.so.cache",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/local/cuda/version.json", "/usr/local/cuda/nvvm/libdevice/libdevice.10.bc",
    "/usr/local/lib/python3.10/dist-packages/torch/__init__.py", "/etc/OpenCL/vendors/nvidia.icd", "/etc/nsswitch.conf",
    "/users/me/.cache/huggingface/hub/models--bert-base-uncased/snapshots/86b5e0/config.json", "/users/me/.cache/torch/hub/checkpoints/resnet18.pth",
    "/users/me/.cache/matplotlib/fontlist-v390.json", "/users/me/.config/matplotlib/matplotlibrc", "/users/me/.cache/pip/selfcheck.json",
    "/users/me/.keras/keras.json", "/users/me/.keras/datasets/mnist.npz", "/users/me/nltk_data/corpora/stopwords/english",
    "/users/me/scikit_learn_data/20news-bydate_py3.pkz", "/users/me/seaborn-data/tips.csv", "/users/me/.config/dask/distributed.yaml",
    "/users/me/tensorflow_datasets/mnist/3.0.1/dataset_info.json", "/users/me/.ipython/profile_default/startup/README", "/users/me/.netrc",
    "/users/me/.jupyter/jupyter_config.json", "/users/me/.triton/cache/x.json", "/users/me/.nv/ComputeCache/index", "/users/me/.aws/config",
    "/users/me/.astropy/config/astropy.cfg", "/users/me/.plotly/.config", "/users/me/.local/share/jupyter/runtime/kernel.json",
    "/scratch/hf/hub/version.txt", "/scratch/numba/f.nbi", "/usr/share/mime/globs2", "/etc/mime.types", "/usr/share/locale/de/LC_MESSAGES/x.mo",
    "/usr/share/proj/proj.db", "/usr/share/terminfo/x/xterm", "/lib/terminfo/x/xterm", "/etc/fonts/fonts.conf", "/etc/localtime", "/etc/hosts",
)  # fmt: skip
OF_PEOPLE = (
    "/data/rates.csv", "/users/me/rates.csv", "/users/me/project/config.yml", "/users/me/.config/mine.toml", "/mnt/share/a.parquet",
    "/srv/models/m.pkl", "/opt/company/rates.csv", "/usr/share/dict/words", "/usr/local/share/company/rates.csv", "/etc/company.conf",
    "/var/lib/company/x.db", "/tmp/rates.csv", "/usr/share/zoneinfo-of-mine", "/users/me/.keras/other.json", "/users/you/.cache/x",
)  # fmt: skip


def noted(paths: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of these a script is said to have read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reads").write_bytes(b"".join(os.fsencode(path) + b"\0001 2 3 4\0" for path in paths))
    env = {"HOME": "/users/me", "HF_HOME": "/scratch/hf", "NUMBA_CACHE_DIR": "/scratch/numba"}
    return sorted(reads.found({}, env, time.time(), set())[0])


def test_what_libraries_open_of_themselves_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(OF_LIBRARIES, tmp_path, monkeypatch) == []


def test_where_people_keep_their_data_nothing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(OF_PEOPLE, tmp_path, monkeypatch) == sorted(OF_PEOPLE)
