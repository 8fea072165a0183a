// Generates a TypeScript client's types from an OpenAPI document and compiles a frontend's code with them:
// node check.mjs DOCUMENT
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapi, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const [document] = process.argv.slice(2);
const beside = (name) => fileURLToPath(new URL(name, import.meta.url));

await writeFile(beside('api.d.ts'), astToString(await openapi(JSON.parse(await readFile(document, 'utf8')))));
const program = ts.createProgram([beside('shop.ts')], {
  exactOptionalPropertyTypes: true,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  noEmit: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
  types: [],
});
const wrong = ts.getPreEmitDiagnostics(program);
const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => beside('.'), getNewLine: () => '\n' };
if (wrong.length > 0) {
  console.error(ts.formatDiagnostics(wrong, host));
  process.exit(1);
}
console.error(`${program.getSourceFiles().length} files compiled, without a mistake`);
