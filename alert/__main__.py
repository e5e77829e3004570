"""``python -m alert`` is ``alert``."""

import sys

from alert.cli import main

sys.exit(main())
