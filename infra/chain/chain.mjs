// A local Substrate chain: a real runtime from a raw chain spec, run by chopsticks (smoldot's executor), with the JSON-RPC of a
// node over WebSocket and HTTP on one loopback port.
//
// usage: node chain.mjs SPEC.raw.json PORT MODE [INTERVAL_MS]
//   PORT      0 or a taken port: another is chosen; the line printed when ready names it
//   MODE      Instant (one block per transaction), Batch, or Manual (blocks on demand)
//   INTERVAL  with Manual: a block every so many milliseconds, as a chain does
//
// chopsticks 1.5.1 is a debugging tool, not a node. Four gaps are mended here, each where its comment says "mends".
// `node_modules` are found beside this file: `cargo xtask tools` copies it there.
import { readFileSync } from 'node:fs'

// chopsticks reads its log level when it is loaded, and would tell of every block.
process.env.LOG_LEVEL ??= 'warn'
const { APPLY_EXTRINSIC_ERROR, BuildBlockMode, GenesisProvider, setup } = await import('@acala-network/chopsticks-core')
const { handler } = await import('@acala-network/chopsticks/rpc/index')
const { createServer } = await import('@acala-network/chopsticks/server')

const [, , spec, port = '0', mode = 'Instant', interval = '0'] = process.argv
if (!spec || !(mode in BuildBlockMode)) {
  console.error('usage: node chain.mjs SPEC.raw.json PORT Instant|Batch|Manual [INTERVAL_MS]')
  process.exit(2)
}
const started = Date.now()

// Mends: a genesis without child storage, in which pallet-revive and pallet-contracts keep what contracts store.
class Genesis extends GenesisProvider {
  constructor (genesis) {
    super(genesis)
    const send = this.send
    this.send = async (method, params, cache) => {
      switch (method) {
        case 'childstate_getStorage': return null
        case 'childstate_getKeysPaged': return []
        case 'childstate_getStorageEntries': return params[1].map(() => null)
        default: return send(method, params, cache)
      }
    }
  }
}

const chain = await setup({
  genesis: new Genesis(JSON.parse(readFileSync(spec, 'utf8'))),
  buildBlockMode: BuildBlockMode[mode]
})
const answer = handler({ chain })

// Mends: `chainHead_v1_follow` must wrap a runtime as `{type: 'valid', spec}`, with its APIs as a map.
const runtime = (version) => version && {
  type: 'valid',
  spec: { ...version, apis: Array.isArray(version.apis) ? Object.fromEntries(version.apis) : version.apis }
}
const followEvent = (event) => {
  if (event?.event === 'initialized') return { ...event, finalizedBlockRuntime: runtime(event.finalizedBlockRuntime) }
  if (event?.event === 'newBlock') return { ...event, newRuntime: runtime(event.newRuntime) }
  return event
}

// Mends: `author_extrinsicUpdate` must say "invalid", not `{invalid: …}`.
const extrinsicUpdate = (event) => (event && typeof event === 'object' && 'invalid' in event ? 'invalid' : event)

const mapped = (mend) => (request, subscriptions) => answer(request, {
  ...subscriptions,
  subscribe: (name, id, onCancel) => {
    const notify = subscriptions.subscribe(name, id, onCancel)
    return (data, error) => notify(mend(data), error)
  }
})

// Submissions are validated one after the other, so that nonces keep their order.
let queue = Promise.resolve()
const submit = (extrinsic) => {
  const result = queue.then(() => chain.submitExtrinsic(extrinsic))
  queue = result.catch(() => {})
  return result
}

// Mends: no `transactionWatch_v1_submitAndWatch`, which a node of polkadot-sdk has.
const submitAndWatch = async ([extrinsic], { subscribe, unsubscribe }) => {
  let onHead = () => {}
  const id = chain.headState.subscribeHead((block) => onHead(block))
  const notify = subscribe('transactionWatch_v1_watchEvent', id, () => chain.headState.unsubscribeHead(id))
  const onError = ([failed, error]) => {
    if (failed !== extrinsic) return
    notify({ event: 'invalid', error: JSON.stringify(error.toJSON()) })
    done()
  }
  const done = () => {
    chain.txPool.event.removeListener(APPLY_EXTRINSIC_ERROR, onError)
    unsubscribe(id)
  }
  chain.txPool.event.on(APPLY_EXTRINSIC_ERROR, onError)
  // A client takes events that come before the answer with the subscription's id for somebody else's.
  const afterAnswer = () => new Promise((resolve) => setTimeout(resolve, 20))
  onHead = async (head) => {
    const index = (await head.extrinsics).indexOf(extrinsic)
    if (index < 0) return
    const block = { hash: head.hash, index }
    notify({ event: 'bestChainBlockIncluded', block })
    await afterAnswer()
    notify({ event: 'finalized', block })
    done()
  }
  submit(extrinsic).then(
    () => notify({ event: 'validated' }),
    async (error) => {
      await afterAnswer()
      notify({ event: 'invalid', error: String(error) })
      done()
    }
  )
  return id
}

const serve = (request, subscriptions) => {
  switch (request.method) {
    case 'chainHead_v1_follow': return mapped(followEvent)(request, subscriptions)
    case 'author_submitAndWatchExtrinsic': return mapped(extrinsicUpdate)(request, subscriptions)
    case 'transactionWatch_v1_submitAndWatch': return submitAndWatch(request.params, subscriptions)
    case 'transactionWatch_v1_unwatch': return subscriptions.unsubscribe(request.params[0]) ?? null
    default: return answer(request, subscriptions)
  }
}

const { addr, close } = await createServer(serve, Number(port), '127.0.0.1')
if (Number(interval) > 0) {
  // Blocks that take longer than the interval must not pile up on a loaded machine.
  const makeBlocks = async () => {
    const begun = Date.now()
    await chain.newBlock().catch((error) => console.error(`no block: ${error}`))
    setTimeout(makeBlocks, Math.max(50, Number(interval) - (Date.now() - begun)))
  }
  setTimeout(makeBlocks, Number(interval))
}
console.log(`chain ready on ws://${addr} after ${Date.now() - started} ms, head #${chain.head.number}`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await close()
    await chain.close()
    process.exit(0)
  })
}
