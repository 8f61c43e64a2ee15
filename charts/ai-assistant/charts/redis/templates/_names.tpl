{{- define "redis.name" -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" }}-redis
{{- end }}

{{- define "redis.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: redis
{{- end }}

{{- define "redis.labels" -}}
app.kubernetes.io/name: redis
{{ include "redis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The Secret that the chart above makes, unless one is named. */}}
{{- define "redis.secretName" -}}
{{- $global := .Values.global | default dict -}}
{{- .Values.auth.existingSecret | default $global.existingSecret | default (printf "%s-secrets" (.Release.Name | trunc 44 | trimSuffix "-")) -}}
{{- end }}
