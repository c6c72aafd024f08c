/** What differs between Node, browsers, and the workers of both. */

export interface HostWorker {
  terminate(): void
}

/** How this host runs threads. */
export interface Host {
  /** whether the calling thread may sleep in Atomics.wait: not on a page's main thread */
  readonly maySleep: boolean
  /** why there are no threads; null where there are */
  readonly alone: string | null
  readonly cores: number
  /** Starts a worker that calls the program's `start(data)`; `onEnd` tells why it ended. */
  start(program: string, data: object, onEnd: (reason: string) => void): HostWorker
}

interface NodeWorker {
  on(event: 'error' | 'exit', listener: (what: Error | number) => void): void
  unref(): void
  terminate(): Promise<number>
}

interface NodeModules {
  worker_threads: { Worker: new (program: string, options: object) => NodeWorker }
  os: { availableParallelism(): number; cpus(): unknown[] }
}

interface Globals {
  process?: {
    getBuiltinModule?: <Name extends keyof NodeModules>(name: Name) => NodeModules[Name]
    env?: Record<string, string | undefined>
  }
  navigator?: { hardwareConcurrency?: number }
  crossOriginIsolated?: boolean
  document?: unknown
  Worker?: new (url: string) => BrowserWorker
}

interface BrowserWorker {
  postMessage(data: object): void
  terminate(): void
  onerror: ((event: { message: string }) => void) | null
}

const host = globalThis as Globals

/** The number of threads that the environment asks for, or as many as there are cores. */
export function defaultThreads({ cores, alone }: Host): number {
  const asked = Number(host.process?.env?.ANTECEDENT_THREADS ?? Number.NaN)
  if (alone !== null) return 1
  return Number.isInteger(asked) && asked > 0 ? asked : cores
}

/** Threads of this host. */
export function hostWorkers(): Host {
  const node = host.process?.getBuiltinModule
  if (node) return nodeHost(node)
  const cores = host.navigator?.hardwareConcurrency ?? 1
  const none = { maySleep: false, cores: 1, start: unstartable }
  if (host.process?.env) return { ...none, alone: 'this Node is older than 20.16' }
  if (typeof SharedArrayBuffer === 'undefined' || host.crossOriginIsolated === false) {
    return { ...none, alone: 'the page is not cross-origin isolated' }
  }
  const { Worker } = host
  if (!Worker) return { ...none, alone: 'this host has no workers' }
  return { maySleep: host.document === undefined, cores, alone: null, start: browserWorker(Worker) }
}

const unstartable = (): never => {
  throw new Error('internal: a thread where there are none')
}

function nodeHost(builtin: NonNullable<NonNullable<Globals['process']>['getBuiltinModule']>): Host {
  const os = builtin('os')
  const start: Host['start'] = (program, data, onEnd) => {
    const { Worker } = builtin('worker_threads')
    const text = `${program}\nstart(require('node:worker_threads').workerData)`
    // the parent's flags (a loader, --input-type) are not for this program
    const worker = new Worker(text, { eval: true, workerData: data, execArgv: [] })
    let ended = ''
    worker.on('error', (error) => {
      ended = String(error)
    })
    worker.on('exit', (code) => onEnd(ended || `exit code ${code}`))
    worker.unref()
    return { terminate: () => void worker.terminate() }
  }
  return { maySleep: true, alone: null, cores: os.availableParallelism?.() ?? os.cpus().length, start }
}

const browserWorker =
  (Worker: NonNullable<Globals['Worker']>): Host['start'] =>
  (program, data, onEnd) => {
    const text = `${program}\nonmessage = (event) => start(event.data)`
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
    const worker = new Worker(url)
    worker.onerror = (event) => onEnd(event.message)
    worker.postMessage(data)
    return {
      terminate: () => {
        worker.terminate()
        URL.revokeObjectURL(url)
      },
    }
  }
