# Asks for the certificate once, then twice a day for its renewal.
set -u
[ -n "$CERTBOT_EMAIL" ] || echo 'CERTBOT_EMAIL is not set: no certificate is asked for'
while :; do
  touch /tmp/looked
  if [ -n "$CERTBOT_EMAIL" ]; then
    certbot certonly --non-interactive --agree-tos --keep-until-expiring --email "$CERTBOT_EMAIL" --server "$CERTBOT_SERVER" \
      --webroot --webroot-path /var/www/certbot --domain "$DOMAIN" --work-dir /tmp/work --logs-dir /tmp/logs
  fi
  sleep 43200 &
  # Without this, the stop signal would wait for the sleep.
  trap 'kill $!; exit 0' TERM
  wait $!
done
