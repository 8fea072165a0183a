// Holds an AsyncAPI document to the specification, by the parser of those who wrote it: node check.mjs FILE
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
// 0 is an error, 1 a warning; what comes after is advice.
const wrong = diagnostics.filter(({ severity }) => severity <= 1);
for (const { code, message, path } of wrong) console.error(`${path.join('/')}: ${message} (${code})`);
if (wrong.length > 0 || document === undefined) process.exit(1);
console.error(`${document.messages().length} messages, ${document.operations().length} operations`);
