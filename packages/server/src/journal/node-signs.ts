/**
 * Signs that are alive exactly as long as their process: sockets in the folder at which somebody listens, or nobody any more. The system knows that,
 * whatever ended the process and in whatever container it ran, where numbers of processes mean nothing. Works on one machine: a folder that several share
 * over a network is not guarded from the others.
 */
import { randomBytes } from 'node:crypto'
import { connect, createServer, type Server } from 'node:net'
import type { Signs } from './lock.js'

/** What it needs of the folder. */
export interface SignFolder {
  readonly name: string
  /** Where the sockets are, in few enough characters for one. */
  readonly path: string
  list(): Promise<readonly string[]>
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
}

export function nodeSigns(folder: SignFolder): Signs {
  return {
    name: folder.name,
    pid: process.pid,
    mint: () => `lock-${process.pid}-${randomBytes(8).toString('hex')}`,
    list: () => folder.list(),
    remove: (sign) => folder.remove(sign),
    isAlive: (sign) => isHeard(`${folder.path}/${sign}`),
    put: async (sign) => {
      // Under its name only when somebody listens: before, others would take it for dead.
      const server = await listening(`${folder.path}/${sign}.new`)
      await folder.rename(`${sign}.new`, sign)
      return {
        release: async () => {
          await folder.remove(sign)
          await new Promise<void>((resolve) => server.close(() => resolve()))
        },
      }
    },
  }
}

function listening(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', reject)
    server.listen(path, () => {
      server.removeListener('error', reject)
      server.on('error', () => {})
      resolve(server)
    })
  })
}

/** Anything but a clear no means that somebody is there. */
function isHeard(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
  })
}
