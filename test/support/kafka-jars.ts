import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache.ts'

export const KAFKA_VERSION = '4.1.1'

const run = promisify(execFile)

/**
 * The folder with Apache Kafka's jars, fetched by Maven on first use (43 MB, a few seconds; with ZooKeeper's before 4.0).
 * Rejects with the reason when Java or Maven is missing or the download fails.
 */
export async function kafkaJars(version = KAFKA_VERSION): Promise<string> {
  await mustRun(
    'java',
    ['-version'],
    'the real Kafka broker needs Java 17 or later (Debian: default-jre-headless)',
  )
  const folder = cacheFolder(`kafka-${version}`)
  const jars = join(folder, 'jars')
  if (existsSync(jars)) return jars

  await mustRun('mvn', ['--version'], 'fetching the Kafka broker needs Maven (Debian: maven)')
  const partial = join(folder, `partial-${process.pid}`)
  const pom = join(folder, 'pom.xml')
  await writeFile(pom, pomOf(version))
  await mustRun(
    'mvn',
    [
      '-q',
      '-B',
      '-f',
      pom,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${partial}`,
    ],
    `Maven could not fetch Apache Kafka ${version}`,
  )
  // A second test run may have been faster: its folder is as good.
  await rename(partial, jars).catch(() => rm(partial, { recursive: true, force: true }))
  return jars
}

async function mustRun(command: string, args: readonly string[], reason: string): Promise<void> {
  await run(command, args).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${reason}: ${(error.stdout || error.message).trim().split('\n')[0]}`)
  })
}

// slf4j-simple is the log backend: kafka_2.13 brings none since 4.0, and others before.
const pomOf = (version: string) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dfsp.test</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', version)}
    ${dependency('org.apache.kafka', 'kafka-tools', version)}
    ${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
  </dependencies>
</project>
`

function dependency(group: string, artifact: string, version: string): string {
  const others = ['slf4j-log4j12', 'slf4j-reload4j'].map(
    name => `<exclusion><groupId>org.slf4j</groupId><artifactId>${name}</artifactId></exclusion>`,
  )
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><exclusions>${others.join('')}</exclusions></dependency>`
}
