"""What another machine needs to run an experiment again and to say what differs: `docs/reproduce.md`."""

from cftray.bundle.comparing import Comparison, compare
from cftray.bundle.document import SCHEMA, Bundle
from cftray.bundle.making import make_bundle
from cftray.bundle.reading import BadBundle, read_bundle

__all__ = ["SCHEMA", "BadBundle", "Bundle", "Comparison", "compare", "make_bundle", "read_bundle"]
