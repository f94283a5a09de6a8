using System.Security.Cryptography;
using Granary.Training.Wording;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Security;

/// <summary>The tokens that open a running silo's gateway.</summary>
internal sealed class AccessTokens : IDisposable
{
    private readonly FollowedFiles<IReadOnlyList<AdmittedToken>> file;
    private IReadOnlyList<AdmittedToken> before = [];

    /// <exception cref="UserErrorException">The file cannot be used.</exception>
    public AccessTokens(string path, TimeProvider time, ILogger<AccessTokens> logger)
    {
        file = new([path], content => [.. AccessTokenFile.Parse(path, content[0]).Select(Admit)], Revoke, time, logger);
        before = file.Current;
    }

    /// <returns><see langword="null"/>: it opens nothing. How long that takes does not depend on the token.</returns>
    public AdmittedToken? Find(string text)
    {
        var hash = AccessToken.HashOf(text);
        AdmittedToken? found = null;
        foreach (var known in file.Current)
        {
            found = CryptographicOperations.FixedTimeEquals(known.Token.Hash.Span, hash) ? known : found;
        }
        return found;
    }

    /// <returns><see langword="null"/>: it is no session, or its time or its token is over.</returns>
    public AdmittedToken? OfSession(string cookie, DateTimeOffset now) => file.Current.FirstOrDefault(known => SessionCookie.IsOf(cookie, known.Token, now));

    public void Dispose() => file.Dispose();

    /// <summary>A token that stays keeps what is open by it.</summary>
    private AdmittedToken Admit(AccessToken token) => before.FirstOrDefault(known => known.IsSame(token)) ?? new(token);

    private void Revoke(IReadOnlyList<AdmittedToken> now)
    {
        var gone = before.Except(now).ToList();
        before = now;
        gone.ForEach(token => token.Revoke());
    }
}

/// <summary>An access token, and the end of it.</summary>
internal sealed class AdmittedToken(AccessToken token)
{
    private readonly CancellationTokenSource revoked = new();

    public AccessToken Token { get; } = token;

    /// <summary>Cancelled when the token opens nothing any more.</summary>
    public CancellationToken Revoked => revoked.Token;

    public bool IsSame(AccessToken other) => (Token.Name, Token.Role) == (other.Name, other.Role) && Token.Hash.Span.SequenceEqual(other.Hash.Span);

    public void Revoke() => revoked.Cancel();
}
