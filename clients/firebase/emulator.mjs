// The Firebase Auth emulator on 127.0.0.1, at the port given: the program of firebase-tools without its command line, which
// wants two more ports and twice the time. Real sign-ups and sign-ins; its ID tokens are unsigned.

import { createRequire } from 'node:module'

const { createApp } = createRequire(import.meta.url)('firebase-tools/lib/emulator/auth/server')
const app = await createApp(process.argv[3])
app.listen(Number(process.argv[2]), '127.0.0.1')
