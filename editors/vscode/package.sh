#!/usr/bin/env bash
# Makes dqc.vsix: the client in one file, and what package.json names beside it. DQC_TEST_NODE can name a folder whose
# node_modules holds the pinned packages already.
set -euo pipefail
cd "$(dirname "$0")"
out="${1:-$PWD/dqc.vsix}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ -n "${DQC_TEST_NODE:-}" ]; then
    modules="$DQC_TEST_NODE/node_modules"
else
    npm install --no-audit --no-fund --silent --no-package-lock --prefix "$work" vscode-languageclient@9.0.1 esbuild@0.28.2
    modules="$work/node_modules"
fi

extension="$work/extension"
mkdir -p "$extension/out"
NODE_PATH="$modules" "$modules/.bin/esbuild" src/extension.ts --bundle --platform=node --target=node18 --external:vscode \
    --minify --log-level=warning --outfile="$extension/out/extension.js"
cp -r package.json README.md language-configuration.json snippets syntaxes "$extension/"
cp ../../LICENSE "$extension/LICENSE.txt"

# A .vsix is a zip with a manifest beside the folder `extension`.
python3 - "$work" "$out" <<'PYTHON'
import json, pathlib, sys, zipfile
work, out = map(pathlib.Path, sys.argv[1:])
package = json.loads((work / "extension/package.json").read_text())
name, publisher, version = package["name"], package["publisher"], package["version"]
manifest = f"""<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/>
    <DisplayName>{package["displayName"]}</DisplayName>
    <Description xml:space="preserve">{package["description"]}</Description>
    <Categories>{",".join(package["categories"])}</Categories>
    <Properties><Property Id="Microsoft.VisualStudio.Code.Engine" Value="{package["engines"]["vscode"]}"/></Properties>
    <License>extension/LICENSE.txt</License>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/>
  </Assets>
</PackageManifest>
"""
types = "".join(f'<Default Extension="{e}" ContentType="{t}"/>' for e, t in [
    ("json", "application/json"), ("js", "application/javascript"), ("md", "text/markdown"), ("txt", "text/plain"),
    ("vsixmanifest", "text/xml")])
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
    package.writestr("extension.vsixmanifest", manifest)
    package.writestr("[Content_Types].xml", '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{types}</Types>')
    for path in sorted(work.glob("extension/**/*")):
        if path.is_file():
            package.write(path, path.relative_to(work))
print(f"wrote {out}")
PYTHON
