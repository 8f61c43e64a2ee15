# Read by nginx's entry point. A certificate of its own making stands in until
# certbot has brought a real one; afterwards a new one is loaded within the hour.
folder=/etc/letsencrypt/live/$DOMAIN
if [ ! -s "$folder/fullchain.pem" ]; then
  mkdir -p /etc/letsencrypt/first
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$DOMAIN" \
    -addext "subjectAltName=DNS:$DOMAIN" -keyout /etc/letsencrypt/first/privkey.pem -out /etc/letsencrypt/first/fullchain.pem 2>/dev/null
  folder=/etc/letsencrypt/first
fi
mkdir -p /tmp/tls
ln -sfn "$folder" /tmp/tls/current
(
  while sleep 3600; do
    [ ! -s "/etc/letsencrypt/live/$DOMAIN/fullchain.pem" ] || ln -sfn "/etc/letsencrypt/live/$DOMAIN" /tmp/tls/current
    nginx -s reload
  done
) &
