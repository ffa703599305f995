export function browserPath(): string | undefined
export function pythonPath(): string | undefined
