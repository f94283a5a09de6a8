using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Granary.Silo.Security;

/// <summary>
/// What a browser keeps of a sign-in: whose token it was, until when it holds, and a seal that whoever knows the token's hash can check, and nobody
/// else can make. So every silo knows every session, also after a restart, and none is written down; it ends with its token.
/// </summary>
internal static class SessionCookie
{
    public const string Name = "granary-session";
    private const char Between = '|';

    /// <summary>How long a sign-in holds.</summary>
    public static TimeSpan Time { get; } = TimeSpan.FromDays(7);

    public static string Of(AccessToken token, DateTimeOffset until)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{token.Name}{Between}{until.ToUnixTimeSeconds()}");
        return $"{text}{Between}{Base64Url.EncodeToString(SealOf(text, token))}";
    }

    public static bool IsOf(string cookie, AccessToken token, DateTimeOffset now)
    {
        if (cookie.Split(Between) is not [var name, var until, var given] || name != token.Name
            || !long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var end) || end <= now.ToUnixTimeSeconds())
        {
            return false;
        }
        Span<byte> seal = stackalloc byte[SHA256.HashSizeInBytes];
        return Base64Url.IsValid(given, out var length) && length == seal.Length && Base64Url.DecodeFromChars(given, seal) == length
            && CryptographicOperations.FixedTimeEquals(SealOf($"{name}{Between}{until}", token), seal);
    }

    /// <summary>Under a key of its own: the hash itself proves nothing else.</summary>
    private static byte[] SealOf(string text, AccessToken token)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, token.Hash.Span, key, [], "granary page session"u8);
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
    }
}
