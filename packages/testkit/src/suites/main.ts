/** `npm run store:mutations` and `npm run store:crashes`: as many as one likes of what the tests do a few of. Exit 1 where anything is lost. */
import { crashRuns } from './crashes.js'
import { damage, tableOf } from './damage.js'

async function main([what, count, from = '1']: readonly string[]): Promise<number> {
  if (what === 'mutations') {
    const done = await damage(Number(count ?? 2000), Number(from))
    console.log(tableOf(done))
    for (const { kind, story } of done.lost) console.log(`lost: ${kind} of ${story}`)
    return done.lost.length > 0 ? 1 : 0
  }
  if (what === 'crashes') {
    console.log(await crashRuns({ runs: Number(count ?? 2000), from: Number(from) }))
    return 0
  }
  console.error('usage: npm run store:mutations -- [HOW-MANY [FIRST-SEED]], npm run store:crashes -- [HOW-MANY [FIRST-SEED]]')
  return 2
}

void main(process.argv.slice(2)).then((code) => (process.exitCode = code))
