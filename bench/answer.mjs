// How a role answers the process that started it: one message back for each, and the end of the process when nobody asks any more.

/** @param {Record<string, (question: any) => any>} answers by the kind of the question */
export function answer(answers) {
  process.on('message', async (/** @type {{ kind: string }} */ question) => {
    try {
      process.send?.(await answers[question.kind]?.(question))
    } catch (thrown) {
      console.error(thrown)
      process.exit(1)
    }
  })
  process.once('disconnect', () => process.exit(0))
}
