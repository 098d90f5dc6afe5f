// Verifies a push of Magpie:  java Verify.java rsa <request file> <certificate.pem>
//                             java Verify.java hmac <request file> <whsec_...>
// The request file holds the request as it came: request line, headers, empty line, body.
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Verify {
  static final long TOLERANCE = 300; // seconds

  /** The headers by their lower-case names, the path with the query, the body as the bytes that came. */
  static void verifyRsa(String path, Map<String, String> headers, byte[] body, byte[] certificatePem) throws Exception {
    String md5 = HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(body));
    String given = headers.get("content-md5");
    // XML and JSON have the first form, SIMPLIFIED the second.
    if (!given.equals(Base64.getEncoder().encodeToString(md5.getBytes(UTF_8))) && !given.equals(md5.toUpperCase())) {
      throw new GeneralSecurityException("the body was changed");
    }
    String date = headers.get("date");
    checkTime(ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toEpochSecond());
    StringBuilder text = new StringBuilder("POST\n" + given + "\n" + headers.get("content-type") + "\n" + date + "\n");
    new TreeMap<>(headers).forEach((name, value) -> {
      if (name.startsWith("x-mns-")) text.append(name).append(':').append(value).append('\n');
    });
    text.append(path);
    Signature signature = Signature.getInstance("SHA1withRSA");
    signature.initVerify(CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(certificatePem)));
    // Servlets hand out headers as latin1, one character for each byte.
    signature.update(text.toString().getBytes(ISO_8859_1));
    if (!signature.verify(Base64.getDecoder().decode(headers.get("authorization")))) throw new GeneralSecurityException("the signature does not fit");
  }

  static void verifyHmac(Map<String, String> headers, byte[] body, String secret) throws Exception {
    String timestamp = headers.get("webhook-timestamp");
    checkTime(Long.parseLong(timestamp));
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.substring("whsec_".length())), "HmacSHA256"));
    mac.update((headers.get("webhook-id") + "." + timestamp + ".").getBytes(UTF_8));
    byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
    for (String each : headers.get("webhook-signature").split(" ")) {
      if (MessageDigest.isEqual(each.getBytes(UTF_8), expected)) return;
    }
    throw new GeneralSecurityException("the signature does not fit");
  }

  static void checkTime(long seconds) throws GeneralSecurityException {
    if (Math.abs(Instant.now().getEpochSecond() - seconds) > TOLERANCE) throw new GeneralSecurityException("the push is too old");
  }

  public static void main(String[] arguments) throws Exception {
    byte[] raw = Files.readAllBytes(Path.of(arguments[1]));
    String text = new String(raw, ISO_8859_1);
    int end = text.indexOf("\r\n\r\n");
    String[] lines = text.substring(0, end).split("\r\n");
    Map<String, String> headers = new TreeMap<>();
    for (String line : Arrays.copyOfRange(lines, 1, lines.length)) {
      int colon = line.indexOf(':');
      headers.put(line.substring(0, colon).toLowerCase(), line.substring(colon + 1).trim());
    }
    byte[] body = Arrays.copyOfRange(raw, end + 4, raw.length);
    try {
      if (arguments[0].equals("rsa")) verifyRsa(lines[0].split(" ")[1], headers, body, Files.readAllBytes(Path.of(arguments[2])));
      else verifyHmac(headers, body, arguments[2]);
      System.out.println("valid");
    } catch (GeneralSecurityException invalid) {
      System.out.println("invalid: " + invalid.getMessage());
      System.exit(1);
    }
  }
}
