/** PyTorch's process, or another of its manners: requests and answers are lines of JSON. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('torch_captum.py', import.meta.url))

export type Answer = Record<string, unknown>

/** What the process says of itself. */
export interface PythonInfo {
  versions: Record<string, string>
  threads: number
  /** vector instructions that PyTorch uses */
  capability: string
  mkl: boolean
  onednn: boolean
  /** from the start of the process to its first answer: imports, and loading the model */
  startSeconds: number
}

export interface PythonOptions {
  /** an interpreter with torch, captum, transformers, safetensors and numpy */
  interpreter: string
  /** folder of the model, in Hugging Face's form */
  model: string
  env: NodeJS.ProcessEnv
  /** the program; default `torch_captum.py` */
  program?: string
  /** arguments before the program and after the model */
  flags?: readonly string[]
  more?: readonly string[]
}

export class PythonPeer {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = []
  #errors = ''
  #ended: Error | null = null
  info!: PythonInfo

  private constructor({ interpreter, model, env, program = script, flags = [], more = [] }: PythonOptions) {
    this.#child = spawn(interpreter, [...flags, program, model, ...more], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000)
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(line))
    this.#child.stdin.on('error', () => {}) // a process that ended is told of by its end
    this.#child.on('error', (error) => this.#end(new Error(`--python: ${error.message}`)))
    this.#child.on('close', (code) => {
      const last = this.#errors.trim().split('\n').slice(-3).join('\n')
      this.#end(new Error(`--python: the process ended with ${code}${last && `: ${last}`}`))
    })
  }

  /** Starts the process and waits until it has loaded the model. @throws {Error} with its last words where it ends */
  static async start(options: PythonOptions): Promise<PythonPeer> {
    const start = performance.now()
    const peer = new PythonPeer(options)
    const hello = await peer.request({ job: 'hello' })
    peer.info = { ...(hello as unknown as PythonInfo), startSeconds: (performance.now() - start) / 1000 }
    return peer
  }

  /** Sends a request and waits for its answer. @throws {Error} where the answer is an error, or the process ended */
  async request(request: Record<string, unknown>): Promise<Answer> {
    if (this.#ended) throw this.#ended
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    })
    if (typeof answer.error === 'string') throw new Error(`${request.job} in Python: ${answer.error}`)
    return answer
  }

  /** Ends the process: it stops at the end of its input. */
  async stop(): Promise<void> {
    if (this.#ended) return
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin.end()
    await closed
  }

  #receive(line: string): void {
    const waiting = this.#waiting.shift()
    try {
      waiting?.resolve(JSON.parse(line))
    } catch {
      waiting?.reject(new Error(`--python: expected a line of JSON, got ${line.slice(0, 200)}`))
    }
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
  }
}
