// Compiles src/Escrow.sol to artifact/Escrow.json, the same bytes wherever it runs.
// usage: node build.mjs SOURCE_DIR OUTPUT.json   (`solc` and `@openzeppelin/contracts` are found beside this file)
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)
const solc = require('solc')
const [, , sourceDir = 'src', output = 'artifact/Escrow.json'] = process.argv

const settings = {
  // The newest EVM rules that pallet-revive's interpreter is known to follow.
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  // No metadata hash: the code must not change with a comment or a path.
  metadata: { bytecodeHash: 'none', appendCBOR: false }
}
const input = {
  language: 'Solidity',
  sources: { 'Escrow.sol': { content: readFileSync(join(sourceDir, 'Escrow.sol'), 'utf8') } },
  settings: { ...settings, outputSelection: { 'Escrow.sol': { Escrow: ['abi', 'evm.bytecode.object'] } } }
}
const read = (path) => ({ contents: readFileSync(require.resolve(path), 'utf8') })
const compiled = JSON.parse(solc.compile(JSON.stringify(input), { import: read }))
for (const message of compiled.errors ?? []) console.error(message.formattedMessage)
// A warning is a failure: nobody reads them otherwise.
if (compiled.errors?.length) process.exit(1)

const contract = compiled.contracts['Escrow.sol'].Escrow
const artifact = {
  contract: 'Escrow',
  compiler: `solc ${solc.version()}`,
  openzeppelin: require('@openzeppelin/contracts/package.json').version,
  settings,
  abi: contract.abi,
  bytecode: `0x${contract.evm.bytecode.object}`
}
writeFileSync(output, `${JSON.stringify(artifact, null, 2)}\n`)
console.log(`${output}: ${contract.evm.bytecode.object.length / 2} bytes of code`)
