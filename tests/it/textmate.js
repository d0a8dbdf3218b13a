// Colours files with the TextMate grammar as VS Code does: PACKAGES GRAMMAR CASES. No region may be open at the end of a
// file, and every keyword must be coloured as one.
const fs = require("fs");
const path = require("path");
const [packages, grammarFile, cases] = process.argv.slice(2);
const from = (name) => require(path.join(packages, "node_modules", name));
const { Registry, INITIAL, parseRawGrammar } = from("vscode-textmate");
const oniguruma = from("vscode-oniguruma");

async function main() {
  const wasm = path.join(packages, "node_modules/vscode-oniguruma/release/onig.wasm");
  await oniguruma.loadWASM(fs.readFileSync(wasm).buffer);
  const onigLib = Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  });
  const loadGrammar = async () => parseRawGrammar(fs.readFileSync(grammarFile, "utf8"), grammarFile);
  const grammar = await new Registry({ onigLib, loadGrammar }).loadGrammar("source.dq");
  let faults = 0;
  const fault = (text) => (console.log(text), (faults += 1));
  for (const { path: file, text, keywords } of JSON.parse(fs.readFileSync(cases, "utf8"))) {
    let stack = INITIAL;
    const lines = text.split(/\r?\n/).map((line) => {
      const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
      stack = ruleStack;
      return tokens;
    });
    if (stack.depth !== 1) fault(`${file}: a region is open at the end`);
    for (const [line, column, length] of keywords) {
      const token = lines[line].find((t) => t.startIndex <= column && column < t.endIndex);
      if (!token.scopes.some((s) => /^(keyword|constant\.language|storage|support\.type)/.test(s))) {
        const word = text.split(/\r?\n/)[line].slice(column, column + length);
        fault(`${file}:${line + 1}:${column + 1}: \`${word}\` is plain: ${token.scopes.join(" ")}`);
      }
    }
  }
  process.exit(faults ? 1 : 0);
}

main();
