{{/* Names of the objects of a release start with the release's; 63 characters are the limit of a label. */}}
{{- define "ai-assistant.name" -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- end }}

{{/* What identifies the pods of a component: (list . "api") */}}
{{- define "ai-assistant.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "ai-assistant.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: ai-assistant
{{ include "ai-assistant.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ai-assistant
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- define "ai-assistant.secretName" -}}
{{- .Values.global.existingSecret | default (printf "%s-secrets" (include "ai-assistant.name" .)) -}}
{{- end }}

{{/* (list . .Values.api.image) */}}
{{- define "ai-assistant.image" -}}
{{- $image := index . 1 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 0).Chart.AppVersion) -}}
{{- end }}

{{- define "ai-assistant.databaseHost" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "ai-assistant.name" . }}-postgres
{{- else -}}
{{- required "database.external.host is needed where postgresql.enabled is false" .Values.database.external.host -}}
{{- end -}}
{{- end }}

{{- define "ai-assistant.databasePort" -}}
{{- ternary 5432 (int .Values.database.external.port) .Values.postgresql.enabled -}}
{{- end }}

{{/* A variable from the release's Secret: (list . "NAME" "KEY") */}}
{{- define "ai-assistant.secretVariable" -}}
- name: {{ index . 1 }}
  valueFrom: { secretKeyRef: { name: {{ include "ai-assistant.secretName" (index . 0) }}, key: {{ index . 2 }} } }
{{- end }}

{{/* Every pod of the application. */}}
{{- define "ai-assistant.podSecurity" -}}
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "ai-assistant.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "ai-assistant.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Spreads the pods of a component over nodes and zones: (list . "api") */}}
{{- define "ai-assistant.spread" -}}
{{- $context := . -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "ai-assistant.selector" $context | nindent 6 }}
{{- end }}
{{- end }}

{{/* Where pods may go: the values of the component. */}}
{{- define "ai-assistant.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
