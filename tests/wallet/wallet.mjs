// A wallet of the Polkadot world: takes what pay/dot answers as it is, signs it with a development account and sends it.
//
//   node wallet.mjs pay URL SECRET_URI [--value PLANCK] [--weight REF_TIME]   the answer on standard input
//   node wallet.mjs give URL SECRET_URI PLANCK                                from //Eve
//   node wallet.mjs unmap URL SECRET_URI                                      by //Alice's sudo, as if it never was mapped
//
// Prints one line: {"extrinsicHash", "blockHash", "error"}; error is null where the extrinsic succeeded. The block is final.

import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { value: { type: 'string' }, weight: { type: 'string' } },
})
const [command, url, secret, amount] = positionals
// Standard output is for the result alone.
console.log = console.warn = console.info = console.error
const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true })
const keys = new Keyring({ type: 'sr25519' })
const account = keys.addFromUri(secret)

/** Signs and sends, and waits until the block is final. */
function send(extrinsic, signer) {
  return new Promise((resolve, reject) => {
    extrinsic
      .signAndSend(signer, ({ dispatchError, isError, status, txHash }) => {
        if (isError) reject(new Error(`the extrinsic is ${status.type}`))
        if (!status.isFinalized) return
        const error = dispatchError?.isModule
          ? (({ section, name }) => `${section}.${name}`)(api.registry.findMetaError(dispatchError.asModule))
          : (dispatchError?.toString() ?? null)
        resolve({ extrinsicHash: txHash.toHex(), blockHash: status.asFinalized.toHex(), error })
      })
      .catch(reject)
  })
}

/** Call data as something to sign. */
const decoded = ({ callData }) => api.tx(api.createType('Call', callData))

/** The same call with another value or weight: what a careless buyer would send. */
function changed(call) {
  if (values.value === undefined && values.weight === undefined) return call
  const [contract, value, weight, deposit, data] = call.method.args
  const limit = { refTime: values.weight ?? weight.refTime, proofSize: weight.proofSize }
  return api.tx.revive.call(contract, values.value ?? value, limit, deposit, data)
}

const commands = {
  async pay() {
    const answer = JSON.parse(await text(process.stdin))
    if (answer.genesisHash !== api.genesisHash.toHex()) throw new Error('the call is for another chain')
    if (answer.specVersion !== api.runtimeVersion.specVersion.toNumber()) throw new Error('the call is for another runtime')
    if (answer.prerequisite) {
      const { error } = await send(decoded(answer.prerequisite), account)
      if (error) throw new Error(`the prerequisite failed: ${error}`)
    }
    return send(changed(decoded(answer.call)), account)
  },
  async give() {
    // Not //Alice, who signs for the oracle. Others may get something from the same purse at the same time: then the nonce is
    // taken, and nothing was given.
    for (let left = 20; ; left--) {
      try {
        return await send(api.tx.balances.transferKeepAlive(account.address, amount), keys.addFromUri('//Eve'))
      } catch (error) {
        if (left === 0 || !/stale|future|Invalid|Usurped|priority/i.test(error.message)) throw error
        await setTimeout(200 + Math.random() * 800)
      }
    }
  },
  async unmap() {
    const own = account.addressRaw.toString()
    const mappings = await api.query.revive.originalAccount.entries()
    const mine = mappings.filter(([, mapped]) => mapped.unwrap().toU8a().toString() === own).map(([key]) => key.toHex())
    return send(api.tx.sudo.sudo(api.tx.system.killStorage(mine)), keys.addFromUri('//Alice'))
  },
}

try {
  process.stdout.write(`${JSON.stringify(await commands[command]())}\n`)
} catch (error) {
  console.error(`${command} failed: ${error.message}`)
  process.exitCode = 1
} finally {
  await api.disconnect()
}
