/** Disks that are full, that fail, that are slow. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { RouterProcess } from '../cast/router.js'
import type { Run } from '../run.js'
import { shortStorm } from './short-storm.js'
import { whyNoStrace } from './tools.js'

const FOR_MS = 20_000
const RATE = 300
const SMALL_MIB = 8
const LARGE_MIB = 512
/** The first ones make the store. */
const FAILS_AT_SYNC = 300
const SLOW_SYNC_MS = 40

/** A disk that has no room after some seconds; in the end there is room again, and the router is started again. */
export async function fullDisk(run: Run): Promise<number> {
  const mounted = join(run.folder, 'full-disk-data')
  const why = mount(mounted, SMALL_MIB)
  if (why !== undefined) {
    run.say(`full-disk: skipped, as no file system can be mounted here: ${why}`)
    return 0
  }
  const unmount = (): void => void execFileSync('umount', ['-l', mounted], { stdio: 'ignore' })
  process.once('exit', unmount)
  try {
    return await shortStorm(run, {
      part: 'full-disk',
      disk: 'full disk',
      setting: (data) => ({ data }),
      kinds: ['kill-worker', 'kill-caller'],
      forMs: FOR_MS,
      rate: RATE,
      calm: async (router) => {
        execFileSync('mount', ['-o', `remount,size=${LARGE_MIB}m`, mounted])
        await again(router)
      },
    })
  } finally {
    process.off('exit', unmount)
    unmount()
  }
}

/** From some sync on each says that it failed: nothing may be said to be stored after that, and all that was is there at the next start. */
export async function failingSync(run: Run): Promise<number> {
  const why = whyNoStrace()
  if (why !== undefined) return skipped(run, 'failing-sync', why)
  return shortStorm(run, {
    part: 'failing-sync',
    disk: 'failing syncs',
    setting: (data) => ({ data, wrap: injecting(`fdatasync,fsync:error=EIO:when=${FAILS_AT_SYNC}+`) }),
    kinds: ['kill-worker'],
    forMs: FOR_MS,
    rate: RATE,
    calm: async (router, data) => {
      router.setting = { data }
      await again(router)
    },
  })
}

/** Each sync takes so long: all is slower, and all holds. */
export async function slowSync(run: Run): Promise<number> {
  const why = whyNoStrace()
  if (why !== undefined) return skipped(run, 'slow-sync', why)
  return shortStorm(run, {
    part: 'slow-sync',
    setting: (data) => ({ data, wrap: injecting(`fdatasync,fsync:delay_exit=${SLOW_SYNC_MS * 1000}`) }),
    kinds: ['kill-router', 'kill-worker', 'kill-caller'],
    forMs: FOR_MS,
    rate: RATE,
  })
}

async function again(router: RouterProcess): Promise<void> {
  await router.kill()
  await router.start()
}

function injecting(what: string): readonly string[] {
  return ['strace', '-D', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync', '-e', `inject=${what}`]
}

function skipped({ say }: Run, part: string, why: string): number {
  say(`${part}: skipped, as ${why}`)
  return 0
}

/** Says why it could not. */
function mount(folder: string, mib: number): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may'
  mkdirSync(folder, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0700`, 'tmpfs', folder], { stdio: 'pipe' })
    return undefined
  } catch (thrown) {
    return (thrown as Error).message.split('\n').at(-1) ?? 'it failed'
  }
}
