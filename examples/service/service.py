"""A service of the model in the file that the environment variable MODEL names.

MODEL=net.mtl uvicorn service:app --host 127.0.0.1 --port 8000
"""

import os

from sklearn_mtl import load_model
from sklearn_mtl.serving import make_app

app = make_app(load_model(os.environ["MODEL"]), title="Model service")
