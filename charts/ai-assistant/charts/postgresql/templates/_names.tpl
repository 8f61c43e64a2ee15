{{- define "postgresql.name" -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" }}-postgres
{{- end }}

{{- define "postgresql.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: postgres
{{- end }}

{{- define "postgresql.labels" -}}
app.kubernetes.io/name: postgresql
{{ include "postgresql.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The Secret that the chart above makes, unless one is named. */}}
{{- define "postgresql.secretName" -}}
{{- $global := .Values.global | default dict -}}
{{- .Values.auth.existingSecret | default $global.existingSecret | default (printf "%s-secrets" (.Release.Name | trunc 44 | trimSuffix "-")) -}}
{{- end }}
