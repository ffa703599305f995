import { join } from './socket.mjs'

const echo = (phrase) => phrase

/** @param {string} url @param {number} callees @returns {Promise<number[]>} where the callees are */
export async function serve(url, callees) {
  const answer = ({ id, from, args }, socket) => socket.send(JSON.stringify({ id, to: from, result: echo(...args) }))
  const joined = await Promise.all(Array.from({ length: callees }, () => join(url, answer)))
  return joined.map((one) => one.id)
}
