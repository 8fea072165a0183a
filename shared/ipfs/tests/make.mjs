// Makes vectors.json: CIDs as the reference importer of IPFS gives them, with the settings of `ipfs add --cid-version=1`.
//
//   cd "$(mktemp -d)" && npm install ipfs-unixfs-importer@17.1.1 blockstore-core@7.0.1
//   NODE_PATH=$PWD/node_modules node …/make.mjs > …/vectors.json
//
// The files are not kept: byte i is (7i + 13(i >> 8) + 29(i >> 16)) mod 256, so that no two chunks are alike.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const require = createRequire(process.env.NODE_PATH + '/');
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { importer } = await load('ipfs-unixfs-importer');
const { balanced } = await load('ipfs-unixfs-importer/layout');
const { fixedSize } = await load('ipfs-unixfs-importer/chunker');

const CHUNK = 262144;
const WIDTH = 174;
const lengths = [
  0, 1, 11, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5, 1048575, 1048576, 1048577, 4 * 1048576, 20 * 1048576,
  // A root exactly full, and a second level above it.
  WIDTH * CHUNK, WIDTH * CHUNK + 1,
];
// The importer hands blocks on; nobody needs them.
const nowhere = { put: async (cid) => cid, has: async () => false };

const files = [];
for (const length of lengths) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 7 + (i >> 8) * 13 + (i >> 16) * 29;
  const options = {
    cidVersion: 1, rawLeaves: true, reduceSingleLeafToSelf: true, wrapWithDirectory: false,
    chunker: fixedSize({ chunkSize: CHUNK }), layout: balanced({ maxChildrenPerNode: WIDTH }),
  };
  for await (const { cid } of importer([{ content: bytes }], nowhere, options)) files.push({ length, cid: cid.toString() });
}
console.log(JSON.stringify({ importer: 'ipfs-unixfs-importer 17.1.1', files }, null, 1));
