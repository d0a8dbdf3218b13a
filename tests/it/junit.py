"""SCHEMA WRONG FILE…: every FILE is as the XML schema says; WRONG is not."""

import sys

from lxml import etree

schema = etree.XMLSchema(etree.parse(sys.argv[1]))
wrong, files = sys.argv[2], sys.argv[3:]
assert files, "no reports"
assert not schema.validate(etree.parse(wrong)), f"{wrong} should not be valid"
faults = []
for name in files:
    if not schema.validate(etree.parse(name)):
        faults += [f"{name}:{e.line}: {e.message}" for e in schema.error_log]
if faults:
    sys.exit("\n".join(faults))
print(f"{len(files)} reports are valid")
