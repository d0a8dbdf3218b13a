"""Compiles the tree-sitter grammar and parses files with it: GRAMMAR FOLDER FILE…; an error node is a fault."""

import ctypes
import pathlib
import subprocess
import sys

try:
    import tree_sitter
except ImportError:
    print("skipped: no tree-sitter; run tests/setup/peers")
    sys.exit(0)

grammar, folder, *files = sys.argv[1:]
library = f"{folder}/dq.so"
source = f"{grammar}/src"
subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-I{source}", f"{source}/parser.c", "-o", library], check=True)
language = ctypes.CDLL(library).tree_sitter_dq
language.restype = ctypes.c_void_p
capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
language = tree_sitter.Language(capsule(language(), b"tree_sitter.Language", None))
parser = tree_sitter.Parser(language)
queries = [tree_sitter.Query(language, path.read_text()) for path in pathlib.Path(grammar, "queries").glob("*.scm")]


def first_error(node):
    if node.is_error or node.is_missing:
        return node
    return next((found for child in node.children if child.has_error for found in [first_error(child)] if found), None)


faults = 0
for file in files:
    tree = parser.parse(pathlib.Path(file).read_bytes())
    if tree.root_node.has_error:
        node = first_error(tree.root_node) or tree.root_node
        print(f"{file}:{node.start_point[0] + 1}:{node.start_point[1] + 1}: tree-sitter cannot parse this")
        faults += 1
print(f"{len(files)} files, {len(queries)} queries, {faults} faults")
sys.exit(1 if faults else 0)
