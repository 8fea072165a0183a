// Makes vectors.json: signatures as real wallet libraries make them, over one sign-in message.
//
//   cd "$(mktemp -d)" && npm install @polkadot/keyring@14.0.3 @polkadot/util-crypto@14.0.3 @polkadot/util@14.0.3
//   NODE_PATH=$PWD/node_modules node …/make.mjs > …/vectors.json
//
// sr25519 signatures carry randomness, so a new run gives other bytes that verify as well.
import { createRequire } from 'node:module';
const require = createRequire(process.env.NODE_PATH + '/');
const { Keyring } = require('@polkadot/keyring');
const { u8aToHex, u8aWrapBytes, u8aConcat, stringToU8a } = require('@polkadot/util');
const { cryptoWaitReady, secp256k1Sign, ethereumEncode, encodeAddress } = require('@polkadot/util-crypto');

await cryptoWaitReady();

const message = [
  'app.descrow.example wants you to sign in with your Substrate account:',
  '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  '',
  'Nonce: 7d9f1c0a',
].join('\n');
const vectors = [];
const add = (name, scheme, account, signature) => vectors.push({ name, scheme, account, signature: u8aToHex(signature) });

for (const scheme of ['sr25519', 'ed25519', 'ecdsa']) {
  const pair = new Keyring({ type: scheme, ss58Format: 42 }).addFromUri('//Alice');
  // A wallet shows the address of its network; all of them name the same account.
  const polkadot = encodeAddress(pair.addressRaw, 0);
  add(`${scheme}, bare`, scheme, pair.address, pair.sign(message));
  // What the browser extension's signRaw signs (polkadot-js/extension#743).
  add(`${scheme}, wrapped in <Bytes>`, scheme, polkadot, pair.sign(u8aWrapBytes(message)));
  add(`${scheme}, with its type as first byte`, scheme, pair.address, pair.sign(message, { withType: true }));
}

// personal_sign (EIP-191), as Ethereum wallets do it.
const ethereum = new Keyring({ type: 'ethereum' }).addFromUri(
  'bottom drive obey lake curtain smoke basket hold race lonely fit walk/m/44\'/60\'/0\'/0/0',
);
const { secretKey, publicKey } = (() => {
  const { hdEthereum, mnemonicToLegacySeed } = require('@polkadot/util-crypto');
  const seed = mnemonicToLegacySeed('bottom drive obey lake curtain smoke basket hold race lonely fit walk', '', false, 64);
  return hdEthereum(seed, "m/44'/60'/0'/0/0");
})();
const body = stringToU8a(message);
const prefixed = u8aConcat(stringToU8a(`\x19Ethereum Signed Message:\n${body.length}`), body);
const signed = secp256k1Sign(prefixed, { secretKey, publicKey }, 'keccak');
const withV = signed.slice();
withV[64] += 27;
if (ethereumEncode(publicKey) !== ethereum.address) throw new Error('derivations differ');
add('ethereum, recovery 27 or 28', 'ethereum', ethereum.address, withV);
add('ethereum, recovery 0 or 1', 'ethereum', ethereum.address, signed);

console.log(JSON.stringify({ message, vectors }, null, 2));
