/** A module of functions, offered as it stands. */
export function twice(word: string): string {
  return `${word} ${word}`
}

export function backwards(word: string): string {
  return word.split('').toReversed().join('')
}
