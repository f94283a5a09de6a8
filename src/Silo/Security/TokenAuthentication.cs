using System.Globalization;
using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Grpc.Core;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Granary.Silo.Security;

/// <summary>Knows callers by <c>Authorization: Bearer TOKEN</c>, and those of the page by the cookie of their session. Where no tokens are configured, everybody is an operator.</summary>
internal sealed class TokenAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    FailedTries tries, SecurityInstruments instruments, TimeProvider time, IServiceProvider services) : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string Name = "Bearer", Anonymous = "anonymous";

    /// <summary>Below it lies what the page asks for.</summary>
    public const string PagePath = "/api";
    private const string Cure = "granary login --server URL keeps one for all commands, and --token and GRANARY_TOKEN give one; who runs the cluster makes one with granary token create.";
    private readonly AccessTokens? tokens = services.GetService<AccessTokens>();
    private Refusal refusal = Refusal.Missing;
    private TimeSpan wait;

    private IPAddress Address => Context.Connection.RemoteIpAddress ?? IPAddress.None;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    private AuthenticateResult Authenticate()
    {
        if (tokens is null)
        {
            return Admitted(Anonymous, Roles.Operator);
        }
        if (Request.Headers.Authorization.ToString().Split(' ', 2, StringSplitOptions.TrimEntries) is not [var scheme, var text] || !scheme.Equals(Name, StringComparison.OrdinalIgnoreCase))
        {
            // A browser sends a cookie along with whatever request; only those of the page are guarded against such as were not meant.
            return IsOfPage && Request.Cookies[SessionCookie.Name] is { } cookie && tokens.OfSession(cookie, time.GetUtcNow()) is { } session ? Admitted(session) : AuthenticateResult.NoResult();
        }
        if (tries.Admit(Address, tokens, text, out wait) is { } known)
        {
            return Admitted(known);
        }
        return wait > TimeSpan.Zero
            ? Refused(Refusal.Slowed, SlowedDown(Address, wait))
            : Refused(Refusal.Unknown, $"This token opens nothing here; it may have been revoked. {Cure}");
    }

    public static string SlowedDown(IPAddress address, TimeSpan wait) =>
        string.Create(CultureInfo.InvariantCulture, $"Too many tokens that open nothing came from {address}: the next is looked at in {Math.Ceiling(wait.TotalSeconds)} s.");

    private bool IsOfPage => Request.Path.StartsWithSegments(PagePath);

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var why = (await HandleAuthenticateOnceAsync()).Failure?.Message ?? $"This cluster wants a token. {Cure}";
        var isSlowed = refusal == Refusal.Slowed;
        if (isSlowed)
        {
            Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            Response.Headers.WWWAuthenticate = Name;
        }
        await AnswerAsync(refusal, isSlowed ? StatusCode.ResourceExhausted : StatusCode.Unauthenticated, isSlowed ? StatusCodes.Status429TooManyRequests : StatusCodes.Status401Unauthorized, why);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => AnswerAsync(
        Refusal.Role, StatusCode.PermissionDenied, StatusCodes.Status403Forbidden, $"The token '{Context.User.Identity?.Name}' is a {Roles.Viewer}'s: this takes an {Roles.Operator}'s.");

    private AuthenticateResult Admitted(AdmittedToken known)
    {
        // What a token has opened, such as a stream of events, ends with it.
        Response.RegisterForDispose(known.Revoked.Register(Context.Abort));
        return Admitted(known.Token.Name, known.Token.Role);
    }

    private AuthenticateResult Admitted(string name, string role) =>
        AuthenticateResult.Success(new(new(new ClaimsIdentity([new(ClaimTypes.Name, name), new(ClaimTypes.Role, role)], Scheme.Name)), Scheme.Name));

    private AuthenticateResult Refused(Refusal why, string message)
    {
        refusal = why;
        return AuthenticateResult.Fail(message);
    }

    /// <summary>A gRPC client hears the reason as it hears all else; others read it.</summary>
    private Task AnswerAsync(Refusal refusal, StatusCode grpc, int http, string why)
    {
        instruments.Refused(refusal);
        if (Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
        {
            Response.StatusCode = http;
            return IsOfPage ? Response.WriteAsJsonAsync(new { error = why }) : Response.WriteAsync(why);
        }
        Response.ContentType = "application/grpc";
        Response.Headers[AuditTrail.GrpcStatus] = ((int)grpc).ToString(CultureInfo.InvariantCulture);
        Response.Headers["grpc-message"] = Uri.EscapeDataString(why);
        return Task.CompletedTask;
    }
}
