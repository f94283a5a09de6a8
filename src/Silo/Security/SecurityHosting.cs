using System.Net.Security;
using Granary.Training.Wording;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Connections.Security;

namespace Granary.Silo.Security;

/// <summary>Puts guards before what a silo serves.</summary>
internal static class SecurityHosting
{
    /// <summary>What the settings name: tokens, certificates, either, or nothing.</summary>
    /// <returns>The certificates, for what is set up before there are services.</returns>
    /// <exception cref="UserErrorException">A file cannot be used.</exception>
    public static ClusterCertificates? AddSecurity(this IServiceCollection services, SecurityOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        if (options.TokensFile is { } path)
        {
            services.AddSingleton(new AccessTokens(path, time, loggers.CreateLogger<AccessTokens>()));
        }
        if (options.Certificate is null)
        {
            return null;
        }
        var certificates = new ClusterCertificates(options, time, loggers.CreateLogger<ClusterCertificates>());
        services.AddSingleton(certificates).AddSingleton(certificates.ForGradients());
        return certificates;
    }

    /// <summary>A call or page without a policy of its own is for operators.</summary>
    public static void AddGuards(this IServiceCollection services)
    {
        services.AddSingleton<FailedTries>().AddSingleton<SecurityInstruments>();
        // The core alone: the rest would keep keys of cookies on the disk, and there are no cookies.
        services.AddAuthenticationCore(authentication =>
        {
            authentication.DefaultScheme = TokenAuthentication.Name;
            authentication.AddScheme<TokenAuthentication>(TokenAuthentication.Name, null);
        });
        services.AddTransient<TokenAuthentication>().AddWebEncoders();
        services.AddAuthorizationBuilder()
            .AddPolicy(Roles.Viewer, policy => policy.RequireRole(Roles.Viewer, Roles.Operator))
            .AddPolicy(Roles.Operator, policy => policy.RequireRole(Roles.Operator))
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireRole(Roles.Operator).Build());
    }

    public static void UseGuards(this WebApplication app)
    {
        app.UseMiddleware<AuditTrail>();
        app.UseAuthentication();
        app.UseAuthorization();
    }

    /// <summary>Only silos whose certificate the authority has signed speak to this one, and it to no others.</summary>
    public static void UseMutualTls(this ISiloBuilder silo, ClusterCertificates certificates) => silo.UseTls(tls =>
    {
        tls.LocalServerCertificateSelector = (_, _) => certificates.Certificate;
        tls.LocalClientCertificateSelector = (_, _, _, _, _) => certificates.Certificate;
        tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        tls.RemoteCertificateValidation = (certificate, _, errors) => ClusterCertificates.IsSilo(certificate, errors);
        tls.OnAuthenticateAsServer = (_, given) =>
        {
            var (options, own) = ((SslServerAuthenticationOptions)given.SslServerAuthenticationOptions, certificates.FromSilos());
            (options.ServerCertificateSelectionCallback, options.ServerCertificateContext, options.CertificateChainPolicy) = (null, own.ServerCertificateContext, own.CertificateChainPolicy);
        };
        tls.OnAuthenticateAsClient = (_, given) =>
        {
            var (options, own) = ((SslClientAuthenticationOptions)given.SslClientAuthenticationOptions, certificates.ToSilos());
            (options.LocalCertificateSelectionCallback, options.ClientCertificateContext, options.CertificateChainPolicy) = (null, own.ClientCertificateContext, own.CertificateChainPolicy);
        };
    });
}
