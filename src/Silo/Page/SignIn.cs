using System.Globalization;
using System.Net;
using System.Security.Claims;
using Granary.Silo.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Granary.Silo.Page;

/// <summary>Who looks at the page, and how they come in.</summary>
internal static class SignIn
{
    private sealed record Credentials(string? Token);

    public static void MapSignIn(this IEndpointRouteBuilder api)
    {
        api.MapGet("/me", (ClaimsPrincipal user, IRunSource source, PageVersion version, IServer server, IServiceProvider services) => new
        {
            name = user.Identity?.Name is { } name && name != TokenAuthentication.Anonymous ? name : null,
            role = source.HasCluster && user.IsInRole(Roles.Operator) ? Roles.Operator : Roles.Viewer,
            secured = services.GetService<AccessTokens>() is not null,
            cluster = source.HasCluster,
            // The gateway's is the first that is listened at; see GatewayHosting.
            gatewayPort = source.HasCluster ? server.Features.Get<IServerAddressesFeature>()?.Addresses.Select(address => BindingAddress.Parse(address).Port).FirstOrDefault() : null,
            version = version.Text,
        }).RequireAuthorization(Roles.Viewer);
        api.MapPost("/sign-in", SignInAsync).AllowAnonymous();
        api.MapPost("/sign-out", (HttpContext context) =>
        {
            context.Response.Cookies.Delete(SessionCookie.Name, Options(context));
            return Results.NoContent();
        }).AllowAnonymous();
    }

    private static async Task<IResult> SignInAsync(HttpContext context, FailedTries tries, SecurityInstruments instruments, TimeProvider time)
    {
        if (context.RequestServices.GetService<AccessTokens>() is not { } tokens)
        {
            return Results.NoContent();
        }
        var given = await context.Request.ReadFromJsonAsync<Credentials>(context.RequestAborted);
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (tries.Admit(address, tokens, given?.Token?.Trim() ?? "", out var wait) is { } known)
        {
            var until = time.GetUtcNow() + SessionCookie.Time;
            context.Response.Cookies.Append(SessionCookie.Name, SessionCookie.Of(known.Token, until), Options(context, until));
            return Results.NoContent();
        }
        instruments.Refused(wait > TimeSpan.Zero ? Refusal.Slowed : Refusal.Unknown);
        if (wait <= TimeSpan.Zero)
        {
            return PageGuard.Error(StatusCodes.Status401Unauthorized, "This token opens nothing here. It may have been revoked; who runs the cluster makes one with granary token create.");
        }
        context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return PageGuard.Error(StatusCodes.Status429TooManyRequests, TokenAuthentication.SlowedDown(address, wait));
    }

    private static CookieOptions Options(HttpContext context, DateTimeOffset? until = null) => new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/", Expires = until };
}
