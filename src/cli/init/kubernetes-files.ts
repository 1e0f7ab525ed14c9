/** What `dfsp init kubernetes` writes: one pod that has the topic to itself, or several that share it. */
import { jsonLine } from '../../core/text/shown-text.ts'
import { dockerfile, IGNORED } from './compose-files.ts'

export interface KubernetesChoice {
  readonly name: string
  readonly topic: string
  /** Of dfsp itself: names the tarball. */
  readonly version: string
  readonly shared: boolean
}

/** Text by file name. */
export function kubernetesFiles(choice: KubernetesChoice): Readonly<Record<string, string>> {
  return { 'kubernetes.yaml': manifests(choice), Dockerfile: dockerfile(choice), '.dockerignore': IGNORED }
}

function manifests(choice: KubernetesChoice): string {
  const name = `dfsp-${choice.name.toLowerCase().replaceAll('_', '-')}`
  return `# docker build -t REGISTRY/${name} . && docker push REGISTRY/${name}    and the image's name below
# kubectl apply -f kubernetes.yaml
${[secret(name), ...(choice.shared ? sharing(name, choice) : alone(name, choice))].join('---\n')}`
}

function secret(name: string): string {
  return `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
stringData:
  # Any flag of dfsp as DFSP_FLAG, any property of the client as DFSP_KAFKA_SASL_PASSWORD.
  DFSP_BROKERS: "kafka:9092"
`
}

/** The topic is read by one process at a time: the next pod starts once this one has ended. */
function alone(name: string, choice: KubernetesChoice): string[] {
  return [
    `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
spec:
${claim('  ')}`,
    `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  # One: a second one ends with 75. More of them: dfsp init kubernetes --shared.
  replicas: 1
  strategy:
    type: Recreate
${selector(name)}  template:
${pod(name, choice, [])}      volumes:
        - name: output
          persistentVolumeClaim:
            claimName: ${name}
`,
  ]
}

/** Pods that keep their names: one that is started again within its session has its partitions back. */
function sharing(name: string, choice: KubernetesChoice): string[] {
  return [
    `apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  clusterIP: None
  selector:
    app: ${name}
  ports:
    - name: http
      port: ${PORT}
`,
    `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ${name}
spec:
  serviceName: ${name}
  # As many as the topic has partitions at most: kubectl scale statefulset ${name} --replicas 4
  replicas: 2
  podManagementPolicy: Parallel
${selector(name)}  template:
${pod(name, choice, ['--shared', '--member', '$(POD_NAME)'])}  volumeClaimTemplates:
    - metadata:
        name: output
      spec:
${claim('        ')}`,
  ]
}

const PORT = 9464

function selector(name: string): string {
  return `  selector:
    matchLabels:
      app: ${name}
`
}

/** Where results are kept, and the journal with --journal. */
function claim(indent: string): string {
  return `${indent}accessModes: [ReadWriteOnce]
${indent}resources:
${indent}  requests:
${indent}    storage: 10Gi
`
}

function pod(name: string, { name: plugin, topic }: KubernetesChoice, more: readonly string[]): string {
  const args = [
    'run',
    '-p',
    `./${plugin}.ts`,
    '-t',
    topic,
    '-o',
    '/output',
    '--http',
    `0.0.0.0:${PORT}`,
    ...more,
  ]
  const podName = more.includes('--member')
    ? `          env:
            # Without --member the partitions of a pod that stops go to the others at once.
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
`
    : ''
  return `    metadata:
      labels:
        app: ${name}
    spec:
      # SIGTERM finishes what runs: longer than --drain-timeout, 20 s.
      terminationGracePeriodSeconds: 45
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        fsGroup: 1000
      containers:
        - name: dfsp
          image: REGISTRY/${name}
          args: ${jsonLine(args)}
          envFrom:
            - secretRef:
                name: ${name}
${podName}          ports:
            - name: http
              containerPort: ${PORT}
          livenessProbe:
            httpGet:
              path: /livez
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
          resources:
            requests:
              cpu: "1"
              memory: 1Gi
            limits:
              # --memory is 512 MiB; the rest is Node.js, the client and the plugin.
              memory: 2Gi
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: output
              mountPath: /output
`
}
