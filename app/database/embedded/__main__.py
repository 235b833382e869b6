"""The supervisor as a program of its own. It is given nothing but this directory to import from."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    package = Path(__file__).parent
    sys.path.insert(0, str(package.parent))
    importlib.import_module(f"{package.name}.supervisor").supervise(sys.argv[1])
