/** The examples as their READMEs run them: built, each part a process of its own. */
import { afterEach, expect, it } from 'vitest'
import { endChildren, ran, startNode, startRouter } from './fixtures/children.js'

afterEach(() => endChildren())

it('01-hello: a kennel, a walker, and the same call from the command line', async () => {
  const { url } = await startRouter()
  const place = { WAYBILL_URL: url }
  const kennel = startNode('examples/dist/01-hello/kennel.js', [], place)
  await kennel.prints(/^The kennel offers Dog 1\.2\.0: bark, walk\./)

  const walker = startNode('examples/dist/01-hello/walker.js', [], place)
  const [ended, call] = await Promise.all([walker.ended, ran(['call', 'Dog.bark', 'hello'], place)])
  const barked = 'Yes master. I will bark hello because that is what dogs do.'
  expect(walker.stdout.split('\n')).toEqual([barked, '1 of 3 km, sniffing', '2 of 3 km, sniffing', '3 of 3 km, sniffing', 'home', ''])
  expect({ ...ended, stderr: walker.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  expect(call).toEqual({ code: 0, stdout: `${barked}\n`, stderr: '' })

  kennel.kill('SIGTERM')
  expect(await kennel.ended).toEqual({ code: 0, signal: null })
})

it('04-events: a typed topic, a pattern, and who is there', async () => {
  const { url } = await startRouter()
  const place = { WAYBILL_URL: url }
  const watcher = startNode('examples/dist/04-events/watcher.js', [], place)
  await watcher.prints(/^The watcher listens\./)
  const kennel = startNode('examples/dist/04-events/kennel.js', [], place)
  expect(await kennel.ended).toEqual({ code: 0, signal: null })
  expect(kennel.stdout).toBe('The kennel is quiet.\n')

  expect(await watcher.ended).toEqual({ code: 0, signal: null })
  const lines = watcher.stdout.trimEnd().split('\n')
  // Three readers, each in order.
  expect(lines.filter((line) => line.startsWith('kennel '))).toEqual(['kennel is here', 'kennel has left'])
  expect(lines.filter((line) => !line.startsWith('kennel '))).toEqual(['The watcher listens.', 'kennel: WUFF!', '3 events of dogs'])
  expect(watcher.stderr).toBe('')
})
