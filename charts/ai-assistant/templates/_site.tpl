{{/* nginx in the frontend's pods. A Service keeps its address, so its name is looked up once. */}}
{{- define "ai-assistant.site" -}}
log_format json escape=json '{"time":"$time_iso8601","level":"info","service":"frontend","request_id":"$request_id",'
    '"method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"duration_s":$request_time,'
    '"client":"$remote_addr"}';

# The address and scheme a proxy in front saw count, not those of the proxy.
map $http_x_real_ip $client_address {
    "" $remote_addr;
    default $http_x_real_ip;
}
map $http_x_forwarded_proto $client_scheme {
    "" $scheme;
    default $http_x_forwarded_proto;
}

server {
    listen {{ .Values.frontend.port }};
    root /usr/share/nginx/html;
    index index.html;
    access_log /dev/stdout json;
    client_max_body_size 10m;

    add_header X-Content-Type-Options nosniff always;
    add_header X-Frame-Options DENY always;
    add_header Referrer-Policy no-referrer always;
    add_header Content-Security-Policy "default-src 'self'" always;

    # While the pod leaves, connections end with their next answer: when nginx is told to stop it
    # closes those that wait, and a request on its way would be lost.
    location / {
        error_page 418 = @leaving_site;
        if (-f /tmp/draining) {
            return 418;
        }
    }
    location @leaving_site {
        keepalive_timeout 0;
        try_files $uri $uri/index.html =404;
    }
    location /api/ {
        error_page 418 = @leaving_api;
        if (-f /tmp/draining) {
            return 418;
        }
        {{- include "ai-assistant.toApi" . | nindent 8 }}
    }
    location @leaving_api {
        keepalive_timeout 0;
        {{- include "ai-assistant.toApi" . | nindent 8 }}
    }
}
{{- end }}

{{- define "ai-assistant.toApi" -}}
proxy_pass http://{{ include "ai-assistant.name" . }}-api:{{ .Values.api.port }};
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $client_address;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $client_scheme;
proxy_set_header X-Request-ID $request_id;
# Streamed answers go out word by word and may take their time.
proxy_buffering off;
proxy_read_timeout 10m;
{{- end }}
