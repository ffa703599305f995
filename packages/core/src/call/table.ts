/** The form of the three tables of a call's life: total, so that a forgotten case does not compile. */

/** `stay`: legal, nothing changes. `wrong`: only a broken peer can cause it; the frame is dropped and counted. */
export type Step<State extends string> = State | 'stay' | 'wrong'

export type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Record<Event, Step<State>>>>>
