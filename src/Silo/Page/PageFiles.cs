using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Granary.Silo.Page;

/// <summary>The files that the page is made of, out of this assembly. Whoever comes may have them: they tell nothing of any run.</summary>
internal static class PageFiles
{
    private const string Prefix = "page/", Index = "index.html";

    // Nothing comes from elsewhere, nothing is run that is no file of ours, and no other page holds this one in a frame.
    private const string Policy = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    // A view has an address that can be sent to somebody; the script finds out which it is.
    private static readonly string[] views = ["/", "/runs/{id}", "/compare", "/cluster", "/sign-in"];

    private static readonly string[] reading = [HttpMethods.Get, HttpMethods.Head];

    private static readonly Dictionary<string, string> types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
        [".json"] = "application/json",
    };

    public static void MapPageFiles(this IEndpointRouteBuilder app)
    {
        var assembly = typeof(PageFiles).Assembly;
        var files = assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(name => name[Prefix.Length..].Replace('\\', '/'), name => Read(assembly, name));
        foreach (var (name, content) in files)
        {
            app.MapMethods($"/{name}", reading, Answer(name, content)).AllowAnonymous();
        }
        foreach (var view in views)
        {
            app.MapMethods(view, reading, Answer(Index, files[Index])).AllowAnonymous();
        }
    }

    /// <summary>For all that the page is made of and asks for.</summary>
    public static void Guard(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }

    private static Func<HttpContext, IResult> Answer(string name, byte[] content)
    {
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..32]}\"");
        return context =>
        {
            Guard(context.Response);
            // Asked for anew each time, and sent only if it has changed: a new version is seen at once.
            context.Response.Headers.CacheControl = "no-cache";
            return Results.Bytes(content, types.GetValueOrDefault(Path.GetExtension(name), "application/octet-stream"), entityTag: tag);
        };
    }

    private static byte[] Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
