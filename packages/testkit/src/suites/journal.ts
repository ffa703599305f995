/**
 * What every journal does, whatever is under it. Each implementation is called with it, in memory, on a virtual disk and on a real one; so this
 * knows none of them, and asks for nothing that only one of them can do.
 */
import type { Journal, Place } from '@waybill/server/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isSpooled, spooled } from './cupboard.js'

/** What a test has of one journal. */
export interface JournalStage {
  readonly journal: Journal
  /** Ends whatever is under it, after the journal was closed. */
  end(): Promise<void>
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

export function safe(journal: Journal): Promise<void> {
  return new Promise((resolve, reject) => journal.whenSafe(resolve, reject))
}

export function read(journal: Journal, place: Place): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    journal.read(place, (record, error) =>
      record === undefined ? reject(error ?? new Error('neither a record nor an error')) : resolve(record),
    ),
  )
}

export function readPart(journal: Journal, place: Place, offset: number, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    journal.readPart(place, offset, length, (part, error) =>
      part === undefined ? reject(error ?? new Error('neither a part nor an error')) : resolve(part),
    ),
  )
}

export function journalSuite(name: string, open: () => Promise<JournalStage>): void {
  describe(`${name}, as every journal`, () => {
    let stage: JournalStage
    let journal: Journal

    beforeEach(async () => {
      stage = await open()
      journal = stage.journal
    })

    afterEach(async () => {
      await journal.close()
      await stage.end()
    })

    test('what is appended is read back, in parts or whole, before it is safe and after', async () => {
      const places = [
        journal.append(1, [bytesOf('one')]),
        journal.append(2, [bytesOf('tw'), bytesOf(''), bytesOf('o')]),
        journal.append(255, []),
        journal.append(3, [new Uint8Array(60_000).fill(3), new Uint8Array(300_000).fill(4)]),
      ]
      const look = async (): Promise<void> => {
        expect(textOf(await read(journal, places[0]!))).toBe('one')
        expect(textOf(await read(journal, places[1]!))).toBe('two')
        expect((await read(journal, places[2]!)).byteLength).toBe(0)
        const long = await read(journal, places[3]!)
        expect([long.byteLength, long[59_999], long[60_000], long[359_999]]).toEqual([360_000, 3, 4, 4])
      }
      await look()
      await safe(journal)
      await look()
      expect(places.map(({ bytes }) => bytes)).toEqual([3, 3, 0, 360_000])
    })

    test('callbacks come in the order of asking, none before what was appended before it is safe', async () => {
      const heard: number[] = []
      for (let at = 0; at < 100; at++) {
        journal.append(1, [bytesOf(`record ${at}`)])
        journal.whenSafe(() => heard.push(at))
        if (at % 10 === 0) await Promise.resolve()
      }
      await safe(journal)
      expect(heard).toEqual(Array.from({ length: 100 }, (_, at) => at))
    })

    test('where all is safe, it says so at once', async () => {
      journal.append(1, [bytesOf('a')])
      await safe(journal)
      let isSafe = false
      journal.whenSafe(() => (isSafe = true))
      expect(isSafe).toBe(true)
    })

    test('what is read stays the same when the next record is appended', async () => {
      const place = journal.append(1, [bytesOf('first')])
      const before = await read(journal, place)
      await safe(journal)
      for (let at = 0; at < 50; at++) {
        journal.append(1, [bytesOf('other')])
        await safe(journal)
      }
      expect(textOf(before)).toBe('first')
      expect(textOf(await read(journal, place))).toBe('first')
    })

    test('a released record makes room, and the others stay', async () => {
      const gone = journal.append(1, [bytesOf('gone')])
      const kept = journal.append(1, [bytesOf('kept')])
      await safe(journal)
      journal.release(gone)
      expect(textOf(await read(journal, kept))).toBe('kept')
    })

    test('a part is read of whatever was appended, before it is safe and after', async () => {
      const places = [journal.append(1, [spooled(0, 1000)]), journal.append(1, [spooled(0, 100_000), spooled(100_000, 500_000)])]
      for (let look = 0; look < 2; look++) {
        for (const place of places)
          for (const [offset, length] of [
            [0, 10],
            [990, 10],
            [5, 0],
          ] as const)
            expect(isSpooled(await readPart(journal, place, offset, length), offset, length)).toBe(true)
        for (const [offset, length] of [
          [99_990, 20],
          [262_140, 8],
          [262_144, 262_144],
          [1, 599_999],
        ] as const)
          expect(isSpooled(await readPart(journal, places[1]!, offset, length), offset, length)).toBe(true)
        // As many as there are.
        expect(isSpooled(await readPart(journal, places[0]!, 999, 5), 999, 1)).toBe(true)
        expect((await readPart(journal, places[1]!, 700_000, 5)).byteLength).toBe(0)
        await safe(journal)
      }
    })

    test('what is spooled is read as it came, whole and in parts, from its end on', async () => {
      const before = journal.append(1, [bytesOf('before')])
      const spool = journal.spool()
      const pieces = [1, 60_000, 0, 262_000, 300_000]
      let at = 0
      for (const piece of pieces) {
        await spool.write(spooled(at, piece))
        at += piece
      }
      expect(spool.bytes).toBe(622_001)
      const place = spool.end(7, [bytesOf('head')])
      expect(place.bytes).toBe(622_001)
      const after = journal.append(1, [bytesOf('after')])
      for (let look = 0; look < 2; look++) {
        expect(isSpooled(await read(journal, place), 0, 622_001)).toBe(true)
        for (const [offset, length] of [
          [0, 1],
          [262_143, 2],
          [300_000, 262_144],
          [622_000, 10],
        ] as const)
          expect(isSpooled(await readPart(journal, place, offset, length), offset, Math.min(length, 622_001 - offset))).toBe(true)
        expect([textOf(await read(journal, before)), textOf(await read(journal, after))]).toEqual(['before', 'after'])
        await safe(journal)
      }
      await expect(spool.write(bytesOf('late'))).rejects.toMatchObject({ code: 'Closed' })
      expect(() => spool.end(7, [])).toThrow(expect.objectContaining({ code: 'Closed' }))
      // It is the journal's.
      await spool.abort()
      expect((await readPart(journal, place, 5, 5)).byteLength).toBe(5)
    })

    test('nothing at all can be spooled, and several things beside each other', async () => {
      const [empty, one, other] = [journal.spool(), journal.spool(), journal.spool()]
      await Promise.all([one.write(bytesOf('o')), other.write(bytesOf('oth'))])
      await Promise.all([one.write(bytesOf('ne')), other.write(bytesOf('er'))])
      const places = [empty.end(1, []), other.end(1, []), one.end(1, [])]
      await safe(journal)
      expect(await Promise.all(places.map(async (place) => textOf(await read(journal, place))))).toEqual(['', 'other', 'one'])
    })

    test('what is aborted is over, and costs the others nothing', async () => {
      const [gone, kept] = [journal.spool(), journal.spool()]
      await Promise.all([gone.write(bytesOf('gone')), kept.write(bytesOf('kept'))])
      await gone.abort()
      await gone.abort()
      await expect(gone.write(bytesOf('more'))).rejects.toMatchObject({ code: 'Closed' })
      expect(() => gone.end(1, [])).toThrow(expect.objectContaining({ code: 'Closed' }))
      const place = kept.end(1, [])
      await safe(journal)
      expect(textOf(await read(journal, place))).toBe('kept')
    })

    test('after the end nothing is spooled, and what was being spooled is over', async () => {
      const spool = journal.spool()
      await spool.write(bytesOf('half'))
      await journal.close()
      await expect(spool.write(bytesOf('late'))).rejects.toMatchObject({ code: 'Closed' })
      expect(() => spool.end(1, [])).toThrow(expect.objectContaining({ code: 'Closed' }))
      expect(() => journal.spool()).toThrow(expect.objectContaining({ code: 'Closed' }))
    })

    test('after the end nothing is appended, and who asks is told', async () => {
      journal.append(1, [bytesOf('last')])
      const heard: string[] = []
      journal.whenSafe(() => heard.push('safe'))
      await journal.close()
      expect(heard).toEqual(['safe'])
      expect(() => journal.append(1, [bytesOf('late')])).toThrow(expect.objectContaining({ code: 'Closed' }))
      journal.whenSafe(
        () => heard.push('safe again'),
        (error) => heard.push(error.code),
      )
      expect(heard).toEqual(['safe', 'Closed'])
      expect(journal.failure?.code).toBe('Closed')
      await journal.close()
    })
  })
}
