{{/* Variables of the API and of what runs in its image. */}}
{{- define "ai-assistant.environment" -}}
APP_ENVIRONMENT: {{ .Values.environment | quote }}
API_HOST: 0.0.0.0
API_PORT: {{ .Values.api.port | quote }}
UVICORN_WORKERS: {{ .Values.api.workers | quote }}
UVICORN_MAX_REQUESTS: {{ .Values.api.maxRequests | int | quote }}
UVICORN_MAX_REQUESTS_JITTER: {{ .Values.api.maxRequestsJitter | int | quote }}
SHUTDOWN_SECONDS: {{ .Values.api.drainSeconds | quote }}
DRAIN_FILE: /tmp/draining
POSTGRES_HOST: {{ include "ai-assistant.databaseHost" . }}
POSTGRES_PORT: {{ include "ai-assistant.databasePort" . | quote }}
POSTGRES_DB: {{ .Values.database.name | quote }}
{{- if .Values.qdrant.enabled }}
QDRANT_URL: http://{{ include "ai-assistant.name" . }}-qdrant:6333
{{- else if .Values.qdrant.externalUrl }}
QDRANT_URL: {{ .Values.qdrant.externalUrl | quote }}
{{- end }}
{{- if or .Values.qdrant.enabled .Values.qdrant.externalUrl }}
QDRANT_VECTOR_SIZE: {{ .Values.qdrant.vectorSize | quote }}
QDRANT_HNSW_M: {{ .Values.qdrant.hnswM | quote }}
QDRANT_HNSW_EF_CONSTRUCT: {{ .Values.qdrant.hnswEfConstruct | quote }}
{{- end }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Variables that hold a secret, with the database user that is named: (list . user "KEY") */}}
{{- define "ai-assistant.secretEnvironment" -}}
{{- $root := index . 0 -}}
- name: POSTGRES_USER
  value: {{ index . 1 | quote }}
{{ include "ai-assistant.secretVariable" (list $root "POSTGRES_PASSWORD" (index . 2)) }}
{{ include "ai-assistant.secretVariable" (list $root "SECRET_KEY" "SECRET_KEY") }}
{{ include "ai-assistant.secretVariable" (list $root "JWT_SECRET_KEY" "JWT_SECRET_KEY") }}
{{- if $root.Values.cache.enabled }}
{{- if $root.Values.redis.enabled }}
{{ include "ai-assistant.secretVariable" (list $root "REDIS_PASSWORD" "REDIS_PASSWORD") }}
- name: REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "ai-assistant.name" $root }}-redis:6379/0
{{- else if $root.Values.cache.externalUrl }}
- name: REDIS_URL
  value: {{ $root.Values.cache.externalUrl | quote }}
{{- end }}
{{- end }}
{{- if or $root.Values.qdrant.enabled $root.Values.qdrant.externalUrl }}
{{ include "ai-assistant.secretVariable" (list $root "QDRANT_API_KEY" "QDRANT_API_KEY") }}
{{- end }}
{{- end }}
