/** What `dfsp init compose` writes: a broker of one node for a laptop, and an image with dfsp and a plugin. */
import { BUILD_PACKAGES } from '../../kafka/build-packages.ts'

export interface ComposeChoice {
  readonly name: string
  readonly topic: string
  /** Of dfsp itself: names the tarball. */
  readonly version: string
  /** Several containers of it share the topic. */
  readonly shared: boolean
}

export const IGNORED = 'node_modules\n*_output\n.git\n*.env\n'

/** Text by file name. */
export function composeFiles(choice: ComposeChoice): Readonly<Record<string, string>> {
  return {
    'compose.yaml': compose(choice),
    Dockerfile: dockerfile(choice),
    '.dockerignore': IGNORED,
  }
}

function compose({ name, topic, shared }: ComposeChoice): string {
  const service = name.toLowerCase()
  // They have one volume, and the log of each is what docker compose logs shows.
  const more = shared ? ', --shared, --log-file, /dev/null' : ''
  const replicas = shared
    ? `    # docker compose --profile dfsp up --scale ${service}=4: as many as the topic has partitions at most.
    deploy:
      replicas: 2
`
    : ''
  return `# docker compose up -d kafka                a broker on localhost:9092
# docker compose --profile dfsp up --build   the plugin in a container, too
services:
  kafka:
    image: apache/kafka:4.1.0
    ports:
      - "127.0.0.1:9092:9092"
    environment:
      KAFKA_NODE_ID: 1
      KAFKA_PROCESS_ROLES: broker,controller
      KAFKA_CONTROLLER_QUORUM_VOTERS: 1@localhost:9093
      # Clients are sent on to the advertised address: kafka:19092 between containers, localhost:9092 from this machine.
      KAFKA_LISTENERS: INSIDE://:19092,OUTSIDE://:9092,CONTROLLER://:9093
      KAFKA_ADVERTISED_LISTENERS: INSIDE://kafka:19092,OUTSIDE://localhost:9092
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
      KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
      KAFKA_INTER_BROKER_LISTENER_NAME: INSIDE
      KAFKA_NUM_PARTITIONS: 4
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: 1
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: 1
      # A run waits 3 s less for its first files.
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: 0
      KAFKA_LOG_DIRS: /var/lib/kafka/data
    volumes:
      - kafka:/var/lib/kafka/data
    healthcheck:
      test: ["CMD-SHELL", "/opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server localhost:9092 > /dev/null"]
      interval: 5s
      timeout: 10s
      retries: 12

  ${service}:
    profiles: [dfsp]
    build: .
${replicas}    command: [run, -p, ./${name}.ts, -t, ${topic}, -o, /output, --wait-for-topic, --http, "0.0.0.0:9464"${more}]
    environment:
      DFSP_BROKERS: kafka:19092
    ports:
      - "127.0.0.1:${shared ? '9464-9473' : '9464'}:9464"
    volumes:
      - output:/output
    depends_on:
      kafka:
        condition: service_healthy
    # As dfsp help exit-codes says; SIGTERM finishes what runs.
    restart: on-failure
    stop_grace_period: 45s

volumes:
  kafka:
  output:
`
}

export function dockerfile({ name, version }: Pick<ComposeChoice, 'name' | 'version'>): string {
  return `# dfsp and ${name}.ts. Put the tarball that \`npm pack\` makes of dfsp into this folder first.
FROM node:22-bookworm-slim AS build
# Needed only where no binary of the Kafka client can be fetched.
RUN apt-get update \\
 && apt-get install -y --no-install-recommends ${BUILD_PACKAGES} ca-certificates \\
 && rm -rf /var/lib/apt/lists/*
ARG DFSP=dfsp-${version}.tgz
COPY \${DFSP} /tmp/dfsp.tgz
RUN CKJS_LINKING=dynamic npm install --global /tmp/dfsp.tgz

FROM node:22-bookworm-slim
RUN apt-get update \\
 && apt-get install -y --no-install-recommends zlib1g libssl3 ca-certificates \\
 && rm -rf /var/lib/apt/lists/* \\
 && mkdir /output && chown node /output
COPY --from=build /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/dfsp/bin/dfsp.js /usr/local/bin/dfsp
WORKDIR /plugin
COPY . .
# Packages of the plugin, where it has some.
RUN if [ -f package.json ]; then npm install --omit=dev; fi
USER node
VOLUME /output
# No shell in between: the signal that stops the container reaches dfsp.
ENTRYPOINT ["dfsp"]
CMD ["run", "-p", "./${name}.ts", "-o", "/output"]
`
}
