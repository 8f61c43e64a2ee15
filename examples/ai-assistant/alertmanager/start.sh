# Writes Alertmanager's configuration from the environment, which it cannot read
# itself, and becomes Alertmanager. Who has no address is not told.
set -eu
umask 077
file=/tmp/alertmanager.yml

# One YAML text in single quotes, whatever it holds.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }

{
  echo 'route:'
  echo '  receiver: operators'
  echo '  group_by: [alertname, job]'
  echo "  group_wait: ${ALERT_GROUP_WAIT:-10s}"
  echo '  group_interval: 1m'
  echo '  repeat_interval: 4h'
  echo 'receivers:'
  echo '  - name: operators'
  if [ -n "${SLACK_WEBHOOK:-}" ]; then
    echo '    slack_configs:'
    echo "      - { api_url: $(quoted "$SLACK_WEBHOOK"), send_resolved: true }"
  fi
  if [ -n "${TELEGRAM_BOT_TOKEN:-}" ]; then
    echo '    telegram_configs:'
    echo "      - { bot_token: $(quoted "$TELEGRAM_BOT_TOKEN"), chat_id: ${TELEGRAM_CHAT_ID:?goes with TELEGRAM_BOT_TOKEN}, parse_mode: '', send_resolved: true }"
  fi
  if [ -n "${ALERT_WEBHOOK_URL:-}" ]; then
    echo '    webhook_configs:'
    echo "      - { url: $(quoted "$ALERT_WEBHOOK_URL"), send_resolved: true }"
  fi
  if [ -n "${ALERT_EMAIL:-}" ]; then
    echo '    email_configs:'
    echo "      - to: $(quoted "$ALERT_EMAIL")"
    echo "        from: $(quoted "${SMTP_FROM:-$ALERT_EMAIL}")"
    echo "        smarthost: $(quoted "${SMTP_HOST:?goes with ALERT_EMAIL}:${SMTP_PORT:-587}")"
    if [ -n "${SMTP_USER:-}" ]; then
      echo "        auth_username: $(quoted "$SMTP_USER")"
      echo "        auth_password: $(quoted "${SMTP_PASSWORD:-}")"
    fi
  fi
} >"$file"
exec alertmanager --config.file="$file" --storage.path=/alertmanager --cluster.listen-address=
