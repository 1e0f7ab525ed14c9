/** A file system of a few MiB in memory, to be filled to the last byte: needs root on Linux. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const noSmallDisk =
  process.getuid?.() === 0 && canMount() ? false : 'mounting a tmpfs needs root on Linux'

export type SmallDisk = {
  folder: string
  /** Leaves so many bytes free. */
  fill(left: number): void
  /** Takes the filling away. */
  empty(): void
  /** Mounts it again, read-only or not. */
  readOnly(on: boolean): void
  end(): void
}

export function smallDisk(bytes: number): SmallDisk {
  const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  const unmount = () => execFileSync('umount', ['-l', folder])
  process.once('exit', unmount)
  const filling = join(folder, '.filling')
  return {
    folder,
    fill(left) {
      const { bavail, bsize } = fs.statfsSync(folder)
      fs.writeFileSync(filling, Buffer.alloc(Math.max(0, bavail * bsize - left)))
      if (left > 0) return
      // What is said to be free is not exact.
      try {
        for (;;) fs.appendFileSync(filling, Buffer.alloc(bsize))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    empty: () => fs.rmSync(filling, { force: true }),
    // Busy as long as the system still closes what an ended process had open.
    readOnly: on =>
      void execFileSync('sh', [
        '-c',
        'for _ in $(seq 50); do mount -o "remount,$1" "$2" && exit; sleep 0.1; done; exit 1',
        'sh',
        on ? 'ro' : 'rw',
        folder,
      ]),
    end() {
      process.off('exit', unmount)
      unmount()
      fs.rmdirSync(folder)
    },
  }
}

function canMount(): boolean {
  const folder = fs.mkdtempSync(join(tmpdir(), 'dfsp-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=65536', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    fs.rmdirSync(folder)
  }
}
