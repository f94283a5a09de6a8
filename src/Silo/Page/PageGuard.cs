using System.Net;
using System.Text.Json;
using Granary.Silo.Gateway;
using Granary.Silo.Security;
using Granary.Training.Checkpoints;
using Granary.Training.Files;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Granary.Silo.Page;

/// <summary>
/// Stands before all that the page asks for: refuses what other pages make a browser ask, and says in a sentence what went wrong.
/// </summary>
internal sealed partial class PageGuard(ILogger<PageGuard> logger) : IEndpointFilter
{
    /// <summary>Every change carries it. A form of another page cannot, and a script of another page may not.</summary>
    public const string Header = "X-Granary", HeaderValue = "page";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        PageFiles.Guard(http.Response);
        http.Response.Headers.CacheControl = "no-store";
        if (Forgery(http) is { } forgery)
        {
            return Error(StatusCodes.Status403Forbidden, forgery);
        }
        try
        {
            return await next(context);
        }
        catch (BadHttpRequestException wrong)
        {
            return Error(wrong.StatusCode, wrong.Message);
        }
        catch (JsonException wrong)
        {
            return Error(StatusCodes.Status400BadRequest, $"What was sent is not the JSON that is wanted: {wrong.Message}");
        }
        catch (Exception error) when (FailureStatus.Of(error) is { } status)
        {
            return Error(HttpOf(status), error.Message);
        }
        catch (Exception fault) when ((fault is CheckpointException || fault.IsStorageFault()) && !http.RequestAborted.IsCancellationRequested)
        {
            return Error(StatusCodes.Status503ServiceUnavailable, $"The run's directory cannot be read: {fault.Message}");
        }
        catch (Exception defect) when (defect is not OperationCanceledException)
        {
            LogDefect(defect, http.Request.Path);
            return Error(StatusCodes.Status500InternalServerError, $"{defect.GetType().Name}: {defect.Message} This is a defect of Granary; the silo's log tells more.");
        }
    }

    public static IResult Error(int status, string message) => Results.Json(new { error = message }, statusCode: status);

    private static string? Forgery(HttpContext http)
    {
        var (request, connection) = (http.Request, http.Connection);
        // A name that somebody else's page has made stand for this machine is not the name of this page.
        if (connection.LocalIpAddress is { } local && IPAddress.IsLoopback(local) && !IsLoopback(request.Host.Host) && http.RequestServices.GetService<AccessTokens>() is null)
        {
            return $"This server listens on this machine only, and was asked for as {request.Host.Host}: ask for it as localhost, or give it tokens (Granary:Security:TokensFile).";
        }
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return null;
        }
        if (request.Headers[Header] != HeaderValue)
        {
            return $"A change must carry the header {Header}: {HeaderValue}, by which it is known that no other page has made it.";
        }
        var (origin, site) = (request.Headers.Origin.ToString(), request.Headers["Sec-Fetch-Site"].ToString());
        // By its name and port: a proxy may speak TLS in the silo's stead.
        var isOurs = origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase));
        return !isOurs || site is "cross-site" or "same-site"
            ? "This change was asked for by another page."
            : null;
    }

    private static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static int HttpOf(StatusCode status) => status switch
    {
        StatusCode.NotFound => StatusCodes.Status404NotFound,
        StatusCode.InvalidArgument => StatusCodes.Status400BadRequest,
        StatusCode.AlreadyExists => StatusCodes.Status409Conflict,
        StatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

    [LoggerMessage(LogLevel.Error, "The page's {Path} could not be answered")]
    private partial void LogDefect(Exception defect, string path);
}
