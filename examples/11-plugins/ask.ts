/** Sends work to plugins, and prints whatever comes back. */
import { connect } from '@waybill/client'
import { Controller, type PluginService } from '@waybill/plugins'
import type { plugin } from './plugins/text.js'

await using client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
await using controller = new Controller(client)

async function ask(...asked: Parameters<Controller['send']>): Promise<void> {
  console.log(asked[0])
  for await (const { serial, code, eof, payload } of controller.responses(await controller.send(...asked)))
    console.log(`  ${serial}${eof ? ` end ${code}` : ''} ${payload === undefined ? '' : JSON.stringify(payload)}`.trimEnd())
}

await ask('text:shout', 'sit')
await ask('text:lines', 'one\ntwo\nstop\nthree')
await ask('clock:tick', '3')

// More than a body may have: it travels as a stream.
await ask(
  'text:size',
  (async function* () {
    for (let n = 0; n < 160; n++) yield new Uint8Array(64 * 1024)
  })(),
)

// What comes to nothing is a response too.
await ask('shout')
await ask('song:shout')
await ask('text:sing')
await ask('text:decode')

// Several at once: each response says what it answers.
const names = new Map<string, string>()
for (const name of ['a', 'b']) names.set(await controller.send('text:shout', name), name)
const answers: string[] = []
while (names.size > 0) {
  const { in_response_to: id, eof, payload } = await controller.recv()
  if (eof) names.delete(id)
  else answers.push(`${names.get(id)}: ${String(payload)}`)
}
console.log(answers.toSorted().join(', '))

// The same plugin as any other service.
for await (const line of client.remote<PluginService<typeof plugin>>('plugins.text@^1').lines('typed')) console.log(line.toUpperCase())
console.log(`active: ${(await controller.ping('plugins')).active_work.length}`)
